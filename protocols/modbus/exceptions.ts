/** What the exceptions of Modbus 7 mean for us: the quality they give, and what the driver does about them. */
import { quality } from '../sample.ts';

const illegalFunction = 1;
const illegalDataAddress = 2;
const illegalDataValue = 3;
const busy = 6;
const gatewayPathUnavailable = 10;
const gatewayTargetSilent = 11;

/** Part of the block is not there, or the block is too long: a smaller one may be read. */
export const isRefusedAddress = (code: number): boolean => code === illegalDataAddress || code === illegalDataValue;

/** A gateway says in the unit's place that it cannot be reached. */
export const isUnreachable = (code: number): boolean => code === gatewayPathUnavailable || code === gatewayTargetSilent;

export function qualityOfException(code: number): number {
  switch (code) {
    case illegalFunction:
    case illegalDataAddress:
    case illegalDataValue:
      return quality.badNodeIdUnknown;
    case busy:
      return quality.badCommunicationError;
    case gatewayPathUnavailable:
    case gatewayTargetSilent:
      return quality.badNotConnected;
    default:
      return quality.badDeviceFailure;
  }
}
