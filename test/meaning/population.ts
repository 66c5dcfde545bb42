import type { UserRecord } from '../../src/filter/record.js';
import type { MeaningCase, Theme } from './cases.js';
import { completeRecords } from './support.js';

/** The people of all cases as one workspace. */
export interface Layout {
  readonly people: readonly UserRecord[];
  /** Custom fields to store as they are written, by the person's position. */
  readonly texts: ReadonlyMap<number, string>;
  readonly positionOf: (each: MeaningCase) => number;
}

/** Gives each case a row; cases that name a user and agree about it share one. */
export function layOut(themes: readonly Theme[]): Layout {
  const records: UserRecord[] = [];
  const texts = new Map<number, string>();
  const positions = new Map<MeaningCase, number>();
  const named = new Map<string, number>();
  for (const each of themes.flatMap(({ meanings }) => meanings)) {
    const { record, customFieldsText } = each;
    const hasName = record.user_id !== undefined || record.anonymous_id !== undefined;
    const key = hasName ? JSON.stringify(record) : null;
    const position = (key === null ? undefined : named.get(key)) ?? records.length;
    if (position === records.length) records.push(record);
    if (customFieldsText !== null) texts.set(position, customFieldsText);
    if (key !== null) named.set(key, position);
    positions.set(each, position);
  }
  return {
    people: completeRecords(records),
    texts,
    positionOf: (each) => positions.get(each) ?? -1,
  };
}
