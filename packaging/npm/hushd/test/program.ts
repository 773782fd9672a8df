/** A program on this package's client, as `python -m hushd_conformance.protocol client` wants one. */

import { HushdError, status, synthesize, transcribe } from '../src/index.ts';

const [operation, argument = ''] = process.argv.slice(2);

try {
  if (operation === 'status') await status();
  else if (operation === 'transcribe') console.log((await transcribe(argument)).text);
  else for await (const chunk of synthesize(argument)) process.stdout.write(chunk);
} catch (error) {
  if (!(error instanceof HushdError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}
