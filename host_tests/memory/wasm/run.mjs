// Runs a Python program on the WebAssembly build of MicroPython, with a directory as its /lib.
//
//     node run.mjs MICROPYTHON.mjs LIBRARY PROGRAM.py
//
// This build collects garbage only while no Python runs. So the program defines a generator
// `program`, and every yield of it is answered by a collection.

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [module, library, program] = process.argv.slice(2);
const { loadMicroPython } = await import(pathToFileURL(module));
const mp = await loadMicroPython({ stdout: (line) => console.log(line), linebuffer: true });

function copy(from, to) {
    mp.FS.mkdirTree(to);
    for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
        const source = path.join(from, entry.name);
        const target = `${to}/${entry.name}`;
        if (entry.isDirectory()) copy(source, target);
        else mp.FS.writeFile(target, fs.readFileSync(source));
    }
}

function run() {
    copy(library, "/lib");
    mp.runPython(fs.readFileSync(program, "utf8"));
    mp.runPython("import gc\nrunning = program()\nover = False");
    while (!mp.globals.get("over")) {
        mp.runPython("gc.collect()");
        mp.runPython("over = next(running, True) is True");
    }
}

try {
    run();
} catch (error) {
    // Uncaught, node would also print the line of code, which is the whole of a minified file.
    console.error(error.message);
    process.exitCode = 1;
}
