// llama.cpp's side of `hybridengine bench`: reading a prompt of 512, then decoding 1, 8 and 32 sequences, each with 128 tokens before it. A JSON line each.
//   node llama_cpp_bench.mjs MODEL.gguf [threads] [repetitions] [new] [batches, such as 1,8,32]
// Its batches are node-llama-cpp's own: every sequence is asked for its next token at once. The rate counts from where all sequences have their first token.
import {getLlama} from "node-llama-cpp";
const [modelPath, threads = "2", repetitions = "3", fresh = "64", batches = "1,8,32"] = process.argv.slice(2);
const llama = await getLlama({gpu: false, build: "never", maxThreads: +threads, logLevel: "error"});
const model = await llama.loadModel({modelPath, gpuLayers: 0, useMmap: false});
const ids = (count, seed) => Array.from({length: count}, (_, i) => 300 + ((i * 7919 + seed * 104729) % 20000));
const median = a => { const s = a.slice().sort((x, y) => x - y), h = s.length >> 1; return s.length % 2 ? s[h] : (s[h - 1] + s[h]) / 2; };
const seconds = since => (performance.now() - since) / 1e3;
const report = (what, batch, prompt, fresh, tokens, times) => console.log(JSON.stringify({what, engine: "llama.cpp", model: modelPath.split("/").pop(), threads: +threads, batch, prompt, new: fresh,
  seconds_median: +median(times).toFixed(4), seconds: times.map(s => +s.toFixed(4)), tokens_per_s: +(tokens / median(times)).toFixed(2)}));

{
  const context = await model.createContext({contextSize: 1024, batchSize: 512, threads: +threads, flashAttention: true});
  const sequence = context.getSequence(), times = [];
  for (let r = -1; r < +repetitions; r++) {
    await sequence.clearHistory();
    const start = performance.now();
    await sequence.evaluateWithoutGeneratingNewTokens(ids(512, r + 2));
    if (r >= 0) times.push(seconds(start));
  }
  report("prefill", 1, 512, null, 512, times);
  await context.dispose();
}
for (const batch of batches.split(",").map(Number)) {
  const context = await model.createContext({contextSize: 128 + +fresh + 8, sequences: batch, batchSize: 1024, threads: +threads, flashAttention: true});
  const sequences = Array.from({length: batch}, () => context.getSequence()), times = [];
  for (let r = -1; r < +repetitions; r++) {
    let waiting = batch, begin, go;
    const all = new Promise(resolve => { go = resolve; });
    await Promise.all(sequences.map(async (sequence, s) => {
      await sequence.clearHistory();
      let n = 0;
      for await (const _ of sequence.evaluate(ids(128, s + 1), {temperature: 0, yieldEogToken: true})) {
        if (n === 0) {
          if (--waiting === 0) { begin = performance.now(); go(); }
          await all;
        }
        if (++n === +fresh + 1) break;
      }
    }));
    if (r >= 0) times.push(seconds(begin));
  }
  report("decode", batch, 128, +fresh, batch * +fresh, times);
  await context.dispose();
}
await llama.dispose();
process.exit(0);
