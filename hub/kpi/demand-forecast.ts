/** What the running demand block will come to if power stays as it is: (E so far + P · rest) / length (TV-E), kW. */
export const forecastDemand = (running: {
  readonly kwhSoFar: number;
  readonly kwNow: number;
  readonly restS: number;
  readonly intervalS: number;
}): number => (running.kwhSoFar + (running.kwNow * running.restS) / 3600) / (running.intervalS / 3600);
