/* Just enough of a module loader for Debian's UMD files: each calls the `define` it is given. */
"use strict";
const ltModules = { "vega-selections": {} };
function ltModule(name, run) {
  const define = function (needs, factory) {
    const made = ltModules[name === "vega-selection" ? "vega-selections" : name] ||= {};
    factory(...needs.map((need) => (need === "exports" ? made : ltModules[need])));
  };
  define.amd = true;
  run.call(window, define);
}
