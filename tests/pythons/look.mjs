// node tests/pythons/look.mjs DIR: runs look.py in the Python of the pyodide that npm installed into DIR.
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const script = join(dirname(fileURLToPath(import.meta.url)), "look.py");
const index = join(resolve(process.argv[2]), "node_modules", "pyodide");
try {
  const { loadPyodide } = await import(pathToFileURL(join(index, "pyodide.mjs")));
  const python = await loadPyodide({ indexURL: index });
  python.FS.mkdir("/repository");
  python.FS.mount(python.FS.filesystems.NODEFS, { root: dirname(dirname(dirname(script))) }, "/repository");
  python.runPython(readFileSync(script, "utf-8"));
} catch (error) {
  console.error(error.message); // and not the minified line that it came from
  process.exit(1);
}
