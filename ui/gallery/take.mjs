// Opens every scene of the window on the fake back end in a real browser, in both themes and several sizes: takes a
// picture and lets axe look for what people with disabilities would stumble over.
//
//   npm run gallery:build && npm run gallery -- [--out DIR] [--only WORD,=NAME] [--sizes small,normal,large] [--themes dark,light] [--check | --look]
//
// Exits with 1 when axe finds something serious, a page logs an error, or a page is wider than the window.
// --check takes no pictures; --look takes them without axe, which is quicker. --only takes words that names hold, or whole
// names after "=".
import { createReadStream, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Builder, logging } from "selenium-webdriver";
import chrome from "selenium-webdriver/chrome.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const { values: options } = parseArgs({
  options: {
    out: { type: "string", default: join(here, "pictures") },
    only: { type: "string" },
    sizes: { type: "string" },
    themes: { type: "string", default: "dark,light" },
    check: { type: "boolean", default: false },
    look: { type: "boolean", default: false },
  },
});
const sizes = { small: [900, 600], normal: [1280, 800], large: [3840, 2160] };
const themes = options.themes.split(",");
const wantedSizes = options.sizes?.split(",") ?? (options.check ? ["small"] : ["small", "normal"]);

const scenes = [];
for (const file of readdirSync(join(here, "scenes")).sort()) {
  const { default: list } = await import(join(here, "scenes", file));
  scenes.push(...list);
}
const words = options.only?.split(",");
const chosen = scenes.filter(
  (scene) =>
    !words || words.some((word) => (word.startsWith("=") ? scene.name === word.slice(1) : scene.name.includes(word))),
);

const root = join(here, "../dist-gallery");
if (!existsSync(join(root, "index.html"))) throw new Error("build it first: npm run gallery:build");
const types = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};
// The policy of the real window, so that what it would forbid fails here too.
const policy = JSON.parse(readFileSync(join(here, "../../src-tauri/tauri.conf.json"), "utf8")).app.security.csp;
const server = createServer((request, response) => {
  const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
  const file = join(root, path === "/" ? "index.html" : path);
  if (!file.startsWith(root) || !existsSync(file)) return response.writeHead(404).end();
  response.writeHead(200, {
    "content-type": types[extname(file)] ?? "application/octet-stream",
    "content-security-policy": policy,
  });
  createReadStream(file).pipe(response);
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const base = `http://127.0.0.1:${server.address().port}/`;

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const preferences = new logging.Preferences();
preferences.setLevel(logging.Type.BROWSER, logging.Level.WARNING);
const flags = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--hide-scrollbars",
  "--force-prefers-reduced-motion",
];
const settings = new chrome.Options().addArguments(...flags);
for (const place of ["/usr/bin/chromium", "/usr/bin/chromium-browser"])
  if (existsSync(place)) settings.setChromeBinaryPath(place);
settings.setLoggingPrefs(preferences);
const service = existsSync("/usr/bin/chromedriver")
  ? new chrome.ServiceBuilder("/usr/bin/chromedriver")
  : new chrome.ServiceBuilder();

/** What axe finds. Themes differ in nothing but colours, so one of them is looked at in full and the others for contrast. */
async function check(driver, theme) {
  await driver.executeScript(axe);
  const only = theme === themes[0] ? {} : { runOnly: ["color-contrast"] };
  return driver.executeAsyncScript(
    "const [only, done] = arguments; axe.run(document, { resultTypes: ['violations'], ...only }).then((r) => done(r.violations.map((v) => ({ id: v.id, impact: v.impact, nodes: v.nodes.slice(0, 3).map((n) => n.target.join(' ') + ': ' + (n.any[0]?.message ?? n.all[0]?.message ?? n.none[0]?.message ?? '')) }))))",
    only,
  );
}

const troubles = [];
let pictures = 0;
if (!options.check) mkdirSync(options.out, { recursive: true });

/** Opens every scene in one theme, in a browser of its own. */
async function open(theme) {
  const driver = await new Builder().forBrowser("chrome").setChromeOptions(settings).setChromeService(service).build();
  try {
    for (const size of wantedSizes) {
      const [width, height] = sizes[size];
      // The device's own size, so that the inner size is exact whatever frame the browser has.
      await driver.sendDevToolsCommand("Emulation.setDeviceMetricsOverride", {
        width,
        height,
        deviceScaleFactor: 1,
        mobile: false,
      });
      for (const scene of chosen) await look(driver, scene, size, theme);
    }
  } finally {
    await driver.quit();
  }
}

/** Errors of a page that is not there yet, as a person waits for it. */
const early = [
  "ElementClickInterceptedError",
  "ElementNotInteractableError",
  "NoSuchElementError",
  "StaleElementReferenceError",
];

/** Does one thing on a page, as soon as that can be done. */
async function act(driver, step) {
  for (const deadline = Date.now() + 5_000; ; await driver.sleep(50)) {
    try {
      return await step(driver);
    } catch (error) {
      if (!early.includes(error.name) || Date.now() > deadline) throw error;
    }
  }
}

async function look(driver, scene, size, theme) {
  const label = `${scene.name} (${size}, ${theme})`;
  await driver.get("about:blank");
  await driver.get(`${base}?theme=${theme}${scene.query ? `&${scene.query}` : ""}${scene.address ?? "#/"}`);
  await driver
    .wait(
      () => driver.executeScript("return Boolean(document.querySelector('#main > *'))"),
      10_000,
      `${label}: nothing was shown`,
    )
    .catch(async (error) => {
      for (const entry of await driver.manage().logs().get(logging.Type.BROWSER)) console.error(label, entry.message);
      throw error;
    });
  try {
    for (const step of scene.steps ?? []) await act(driver, step);
  } catch (error) {
    troubles.push(`${label}: ${error.message}`);
  }
  // Two frames, and whatever answers at once; what loads for ever stays a skeleton.
  await driver.executeAsyncScript(
    "const [wait, done] = arguments; setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), wait)",
    scene.settle ?? 200,
  );
  if (!options.check) {
    writeFileSync(join(options.out, `${scene.name}-${size}-${theme}.png`), await driver.takeScreenshot(), "base64");
    pictures += 1;
  }
  const wide = await driver.executeScript(
    "const d = document.documentElement, m = document.querySelector('#main'); return Math.max(d.scrollWidth - d.clientWidth, m.scrollWidth - m.clientWidth)",
  );
  if (wide > 1) troubles.push(`${label}: the page is ${wide} px wider than the window`);
  const found = options.look ? [] : await check(driver, theme);
  for (const violation of found.filter((v) => v.impact === "serious" || v.impact === "critical"))
    troubles.push(`${label}: ${violation.id}: ${violation.nodes.join("; ")}`);
  for (const entry of await driver.manage().logs().get(logging.Type.BROWSER))
    if (!entry.message.includes("favicon")) troubles.push(`${label}: ${entry.message}`);
}

try {
  await Promise.all(themes.map(open));
} finally {
  server.close();
}
console.log(
  `${chosen.length} scenes, ${themes.length} themes, ${wantedSizes.join(" and ")}: ${pictures} pictures${options.check ? "" : ` in ${options.out}`}`,
);
for (const trouble of troubles) console.error(trouble);
if (!chosen.length) troubles.push("no scene");
process.exit(troubles.length ? 1 : 0);
