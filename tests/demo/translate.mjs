// Reads {folder, model, calls: [[text, options], …]} as JSON. Writes what the page's translator gives for each.
import { readFileSync } from "node:fs";

const { folder, model, calls } = JSON.parse(readFileSync(0, "utf-8"));
const { BINARY, openRuntime } = await import(`file://${folder}/runtime.js`);
const { UserError, load } = await import(`file://${folder}/translator.js`);
const runtime = await openRuntime(readFileSync(`${folder}/${BINARY}`));
const told = (error) => {
  if (!(error instanceof UserError)) throw error;
  return { error: error.message };
};
const sum = (row) => row.reduce((total, weight) => total + weight, 0);
// of the attention, the shape and the sums
const summed = ({ attention, ...rest }) => ({ ...rest, attention: attention.map((row) => [row.length, sum(row)]) });
const shortened = ({ pieces, hypotheses }) => ({ pieces, hypotheses: hypotheses.map(summed) });
let result;
try {
  const translator = await load(runtime, async (name) => readFileSync(`${model}/${name}`));
  result = [];
  for (const [text, options] of calls) {
    result.push(await translator.translate(text, options).then(shortened, told));
  }
} catch (error) {
  result = told(error);
}
process.stdout.write(JSON.stringify(result));
