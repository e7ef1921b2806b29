/** What makes measured values look measured: resolution and inertia. */

/** A sensor shows so many decimals and no more. */
export function quantise(value: number, decimals: number): number {
  const scale = 10 ** decimals;
  return Math.round(value * scale) / scale;
}

export interface ThermalMass {
  readonly temperature: number;
  /** One second passes towards the temperature at which it would settle. */
  second(settlesAt: number): void;
}

/** First-order lag, in °C. */
export function createThermalMass(options: { start: number; timeConstantS: number }): ThermalMass {
  let temperature = options.start;
  return {
    get temperature() {
      return temperature;
    },
    second(settlesAt) {
      temperature += (settlesAt - temperature) / options.timeConstantS;
    },
  };
}
