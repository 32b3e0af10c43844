// A browser as a program with one argument, as $BROWSER names it: logs in at that URL, agrees, and says where that ended.
import { agree, quit } from './chromium.mjs';

const done = [];
try {
  const [url, ...others] = process.argv.slice(2);
  if (others.length > 0) throw new Error(`there is more than a URL: ${others}`);
  console.log(await agree({ after: (work) => done.push(work) }, url, process.env.INTEROP_USER));
} finally {
  await Promise.all(done.map((work) => work()));
  await quit();
}
