// What llama.cpp computes for given ids: greedy continuation and logits, to be compared with ours.
//
//   node llama_cpp_logits.mjs MODEL.gguf CASES.json [OUT.json]
//
// CASES: {"cases": [{"ids": [1, 2]}], "new": 24, "context": 256}. Output, an entry a case: {"greedy": [ids], "logits": [[a row a position]]}. Greedy is the argmax of the logits, id by id, with no end token.
import { readFileSync, writeFileSync } from "node:fs";
import { getLlama } from "node-llama-cpp";

const [modelPath, casesPath, outPath] = process.argv.slice(2);
const { cases, new: count = 0, context: contextSize = 512 } = JSON.parse(readFileSync(casesPath, "utf8"));
const llama = await getLlama({ gpu: false, build: "never", maxThreads: 2, logLevel: "error" });
const model = await llama.loadModel({ modelPath, gpuLayers: 0, useMmap: false });
const context = await model.createContext({ contextSize, batchSize: contextSize, threads: 2, flashAttention: false });
const sequence = context.getSequence();

const evaluate = async (ids) => (await sequence.controlledEvaluate(ids.map((id) => [id, { generateNext: { logits: true } }]))).map(({ next }) => {
  const row = new Array(next.logits.size);
  for (const [id, logit] of next.logits) row[id] = logit;
  return row;
});
const best = (row) => row.reduce((at, logit, id) => (logit > row[at] ? id : at), 0);

const results = [];
for (const { ids } of cases) {
  await sequence.clearHistory();
  const logits = await evaluate(ids), greedy = [];
  for (let row = logits.at(-1); greedy.length < count;) {
    greedy.push(best(row));
    if (greedy.length < count) [row] = await evaluate([greedy.at(-1)]);
  }
  results.push({ greedy, logits });
}

const text = JSON.stringify(results);
if (outPath) writeFileSync(outPath, text); else console.log(text);
process.exit(0);
