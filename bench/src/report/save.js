/** Results in a file: the machine, and the records with the case and the day that each is of. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, type } from 'node:os';

/** @typedef {{ cpu: string, cores: number, node: string, system: string }} Machine */

/** @typedef {{ machine: Machine, records: (import('./records.js').Record & { of: string, date: string })[] }} Saved */

/** @returns {Machine} */
export const describeMachine = () => ({
  cpu: cpus()[0].model.trim(),
  cores: cpus().length,
  node: process.versions.node,
  system: `${type()} ${arch()}`,
});

/** @returns {Saved} */
export const readSaved = (file) => JSON.parse(readFileSync(file, 'utf8'));

/**
 * Puts what was measured of a case into the file, in the place of what it held of it.
 * @param {import('./records.js').Record[]} records
 * @param {{ name: string }[]} cases those that there are, in their order; what others have left is dropped
 * @throws if the file tells of another machine: times of two machines say nothing beside each other
 */
export function save(file, name, records, cases) {
  const machine = describeMachine();
  const before = existsSync(file) ? readSaved(file) : { machine, records: [] };
  if (JSON.stringify(before.machine) !== JSON.stringify(machine)) {
    throw new Error(
      `${file} tells of another machine (${JSON.stringify(before.machine)}): name another, or start it anew with --anew`,
    );
  }
  const date = new Date().toISOString().slice(0, 10);
  const all = [
    ...before.records.filter(({ of }) => of !== name),
    ...records.map((each) => ({ ...each, of: name, date })),
  ];
  const ordered = cases.flatMap((each) => all.filter(({ of }) => of === each.name));
  const lines = ordered.map((each) => `    ${JSON.stringify(each)}`).join(',\n');
  writeFileSync(file, `{\n  "machine": ${JSON.stringify(machine)},\n  "records": [\n${lines}\n  ]\n}\n`);
}
