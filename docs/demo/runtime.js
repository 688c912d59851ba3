// ONNX Runtime, as `npm run vendor` fetches it.

export const BINARY = "vendor/ort-wasm-simd-threaded.wasm";
const MODULE = "./vendor/ort.wasm.bundle.min.mjs";

/**
 * @param {Promise<Uint8Array>} binary - What the file BINARY holds.
 * @returns {Promise<object>} The class `Tensor`, and `session`, which opens a graph.
 */
export async function openRuntime(binary) {
  const ort = await import(MODULE);
  ort.env.wasm.numThreads = 1; // more need headers that a simple server does not send
  const session = async (graph) => {
    ort.env.wasm.wasmBinary = await binary;
    return ort.InferenceSession.create(graph, { executionProviders: ["wasm"] });
  };
  return { Tensor: ort.Tensor, session };
}
