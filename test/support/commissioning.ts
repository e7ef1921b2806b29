/** A signed commissioning sheet of the fixtures' machining agent, and the key that it is signed with. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { publicKeyOf, type Sheet, type SheetRow, type SignedSheet, signSheet } from '../../protocols/commissioning.ts';

export const newKey = (): KeyObject => generateKeyPairSync('ed25519').privateKey;

/** 2025-07-07 11:30 in Tehran. */
export const sheetTime = Date.UTC(2025, 6, 7, 8, 0) * 1000;

export const temperatureRow: SheetRow = {
  path: 'machining/line-1/cnc-1/temperature',
  source: 'cnc',
  address: 'nsu=urn:payesh:demo-factory;s=machining.line-1.cnc-1.temperature',
  type: 'float',
  unit: '°C',
  raw: '54.25 (Double)',
  agentValue: { value: 54.25, time: sheetTime - 1_000_000, quality: 0 },
  hubValue: { value: 54.25, time: sheetTime - 1_000_000, quality: 0 },
  displayed: '۵۴٫۳',
  agrees: true,
  tolerance: 0.6425,
  verdict: 'accepted',
  note: '',
};

export const kwhRow: SheetRow = {
  path: 'energy/main/kwh',
  source: 'cnc',
  address: 'unit 10, input 0, uint32 CDAB',
  type: 'int',
  unit: 'kWh',
  scale: 0.1,
  raw: 'D687 0012 (54919 18)',
  agentValue: { value: 1_234_567, time: sheetTime, quality: 0 },
  hubValue: null,
  hubReason: 'unreachable',
  displayed: '123456.7',
  displayedUnit: 'kWh',
  agrees: true,
  tolerance: 0.1,
  verdict: 'corrected',
  correction: { key: 'byteOrder', from: 'ABCD', to: 'CDAB' },
  note: 'سیم‌بندی درست است & <ok>',
};

export function signedSheet(key: KeyObject, changes: Partial<Sheet> = {}): SignedSheet {
  const sheet: Sheet = {
    version: 1,
    agent: 'machining',
    site: 'sahand/machining-plant',
    technician: { name: 'سارا احمدی', role: 'ابزار دقیق' },
    startedAt: sheetTime - 600_000_000,
    finishedAt: sheetTime,
    agentVersion: '0.1.0',
    config: { version: 7, hash: 'c'.repeat(64) },
    rows: [temperatureRow, kwhRow],
    publicKey: publicKeyOf(key),
    ...changes,
  };
  return signSheet(sheet, key);
}
