// Runs the digests in Pyodide: node pyodide.mjs PYODIDE_FOLDER ROOM GROUP [documents]
// ROOM/site: packages to import; ROOM/GROUP: models to run. Prints what conformance.platforms.digests
// prints, and first a line of versions.
import path from "path";
import { pathToFileURL } from "url";

const [home, room, group, documents] = process.argv.slice(2);
const { loadPyodide, version } = await import(pathToFileURL(path.join(home, "pyodide.mjs")).href);
const py = await loadPyodide({ indexURL: home + path.sep, stdout: (line) => console.log(line) });
await py.loadPackage(["numpy", "threadpoolctl"], { messageCallback: () => {} });
py.FS.mkdirTree("/room");
py.FS.mount(py.FS.filesystems.NODEFS, { root: room }, "/room");
py.runPython(`
import json, platform, sys
sys.path.insert(0, "/room/site")
import numpy
print(json.dumps({"pyodide": "${version}", "node": "${process.version}",
                  "python": platform.python_version(), "numpy": numpy.__version__}))
from conformance.platforms.digests import main
main("/room/${group}", "${documents ?? ""}" == "documents")
`);
