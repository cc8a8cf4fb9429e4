// Makes ../static/ui from src/: hashed names, a manifest of them, and each text pre-compressed beside it.
// Called by hatch_build.py, which also decides whether there is anything to do.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "..", "static", "ui");
const fresh = `${target}.new`;
const entries = { app: "src/main.tsx", status: "src/status/main.tsx", theme: "src/theme.ts" };
const alone = ["status", "theme"]; // built by themselves: sharing parts with them would cost the page requests
const pages = { app: "index.html", status: "status.html" };
const notices = ["preact", "@preact/signals", "@preact/signals-core", "uplot"];
const types = { js: "text/javascript", css: "text/css", html: "text/html", svg: "image/svg+xml", txt: "text/plain" };

rmSync(fresh, { recursive: true, force: true });
mkdirSync(fresh, { recursive: true });
const options = {
  absWorkingDir: here,
  outdir: fresh,
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: true,
  metafile: true,
  legalComments: "none", // the notices are in licenses.txt
  entryNames: "[name]-[hash]",
  chunkNames: "part-[hash]",
  logLevel: "warning",
};
const pick = (keys) => Object.fromEntries(keys.map((key) => [key, entries[key]]));
const shared = Object.keys(entries).filter((key) => !alone.includes(key));
const outputs = {};
for (const keys of [shared, ...alone.map((key) => [key])]) {
  Object.assign(outputs, (await build({ ...options, entryPoints: pick(keys) })).metafile.outputs);
}

const files = {};
function add(name, content) {
  const gzip = gzipSync(content, { level: 9 });
  const br = brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
  writeFileSync(join(fresh, name), content);
  if (!name.endsWith(".html")) {
    writeFileSync(join(fresh, `${name}.gz`), gzip); // a page is filled in before it is served
    writeFileSync(join(fresh, `${name}.br`), br);
  }
  const type = types[name.split(".").pop()];
  files[name] = { type, size: content.length, gzip: gzip.length, br: br.length };
}

const named = {}; // entry -> its script, its style, and what the script imports at once
for (const [path, output] of Object.entries(outputs)) {
  const name = basename(path);
  add(name, readFileSync(join(fresh, name)));
  const entry = Object.keys(entries).find((key) => output.entryPoint === entries[key]);
  if (!entry) continue;
  named[entry] = {
    script: name,
    style: output.cssBundle && basename(output.cssBundle),
    parts: output.imports.filter((part) => part.kind === "import-statement").map((part) => basename(part.path)),
  };
}

const icon = readFileSync(join(here, "src", "icon.svg"));
const iconName = `icon-${createHash("sha256").update(icon).digest("hex").slice(0, 8)}.svg`;
add(iconName, icon);

const first = {};
for (const [entry, page] of Object.entries(pages)) {
  const { script, style, parts } = named[entry];
  const head = [
    `<link rel="icon" href="{{root}}/static/ui/${iconName}">`,
    `<link rel="stylesheet" href="{{root}}/static/ui/${style}">`,
    ...parts.map((part) => `<link rel="modulepreload" href="{{root}}/static/ui/${part}">`),
    `<script src="{{root}}/static/ui/${named.theme.script}"></script>`,
    `<script type="module" src="{{root}}/static/ui/${script}"></script>`,
  ];
  const html = readFileSync(join(here, "src", page), "utf8").replace("<!-- built -->", head.join("\n    "));
  add(page, Buffer.from(html));
  first[page] = [page, iconName, style, named.theme.script, script, ...parts];
}

const texts = notices.map((name) => `${name}\n\n${readFileSync(join(here, "node_modules", name, "LICENSE"), "utf8")}`);
add("licenses.txt", Buffer.from(texts.join("\n----\n\n")));

// `files` is what may be served by its name; the pages are served by the application, which fills in where it is mounted.
const served = Object.keys(files).filter((name) => !name.endsWith(".html"));
const manifest = { sources: process.env.AUSCULT_UI_SOURCES ?? "", files: served, first, sizes: files };
writeFileSync(join(fresh, "manifest.json"), `${JSON.stringify(manifest, null, 1)}\n`);
rmSync(target, { recursive: true, force: true });
renameSync(fresh, target);
const weight = first["index.html"].reduce((sum, name) => sum + files[name].gzip, 0);
console.log(
  `built the page: ${Object.keys(files).length} files, ${(weight / 1024).toFixed(1)} KiB gzipped at first view`,
);
