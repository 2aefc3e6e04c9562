/** A child process that speaks JSON lines: every line sent is answered by one line, one request at a time. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** @param {{ command: string, parameters: string[], env?: Record<string, string> }} start */
export function startProcess({ command, parameters, env }) {
  const child = spawn(command, parameters, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  const lines = createInterface({ input: child.stdout });
  const gone = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`the process of ${parameters.join(' ')} ended (${signal ?? `exit code ${code}`})`);
  });
  gone.catch(() => {});
  child.stdin.on('error', () => {}); // a process that is gone says so by `gone`
  return {
    /** @throws what the process says went wrong */
    async ask(request) {
      const answer = once(lines, 'line');
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const [line] = await Promise.race([answer, gone]);
      const { error, ...found } = JSON.parse(line);
      if (error !== undefined) throw new Error(error);
      return found;
    },
    /** At once: some native libraries do not survive the end of a process that still holds their threads. */
    close: () => child.kill('SIGKILL'),
  };
}
