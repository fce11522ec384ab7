// llama.cpp's side of `hybridengine bench serve`: the same lengths, as many sequences at once, batched by node-llama-cpp.
//   node llama_cpp_serve.mjs MODEL.gguf REQUESTS.json [threads] [batch]      REQUESTS.json from `hybridengine bench serve --dump`
// Differences, in its favour: all requests are there from the start, its cache holds all of them, tokens are chosen greedily.
import {readFileSync} from "node:fs";
import {getLlama} from "node-llama-cpp";
const [modelPath, requestsPath, threads = "2", batch = "32"] = process.argv.slice(2);
const requests = JSON.parse(readFileSync(requestsPath, "utf8"));
const llama = await getLlama({gpu: false, build: "never", maxThreads: +threads, logLevel: "error"});
const model = await llama.loadModel({modelPath, gpuLayers: 0, useMmap: false});
const longest = Math.max(...requests.map(r => r.prompt + r.new)) + 8;
const context = await model.createContext({contextSize: longest, sequences: +batch, batchSize: 1024, threads: +threads, flashAttention: true});
let next = 0, prompts = 0, fresh = 0;
async function serve() {
  const sequence = context.getSequence();
  while (next < requests.length) {
    const index = next++, request = requests[index];
    const ids = Array.from({length: request.prompt}, (_, i) => 300 + ((i * 7919 + index * 104729) % 48000));
    await sequence.clearHistory();
    let n = 0;
    // An end token would end the loop early; ours goes on too, so it is fed back like any other.
    for await (const _ of sequence.evaluate(ids, {temperature: 0, yieldEogToken: true})) if (++n === request.new) break;
    prompts += request.prompt;
    fresh += n;
  }
}
const start = performance.now();
await Promise.all(Array.from({length: +batch}, serve));
const seconds = (performance.now() - start) / 1e3;
console.log(JSON.stringify({what: "serve", engine: "llama.cpp", model: modelPath.split("/").pop(), threads: +threads, requests: requests.length, batch: +batch, prompt_tokens: prompts, new_tokens: fresh,
  seconds: +seconds.toFixed(3), tokens_per_s: +(fresh / seconds).toFixed(2), all_tokens_per_s: +((prompts + fresh) / seconds).toFixed(2)}));
await llama.dispose();
process.exit(0);
