# Puts the page's parts together: cmake -DPAGE=... -DVEGA=... -DOUT=... -P bundle.cmake
file(MAKE_DIRECTORY ${OUT})
foreach(part report.html report.css)
  file(COPY_FILE ${PAGE}/${part} ${OUT}/${part})
endforeach()

# Debian's modules are separate UMD files that all claim the global `vega`, so each is run with a
# `define` of its own (modules.js). Each stands after those it needs.
set(modules util time format loader dataflow scale statistics canvas scenegraph expression selection
  functions event-selector parser runtime view transforms view-transforms encode interpreter)
file(READ ${PAGE}/modules.js text)
file(WRITE ${OUT}/vega.js "${text}")
foreach(module ${modules})
  file(READ ${VEGA}/vega-${module}.min.js text)
  string(REGEX REPLACE "//# sourceMappingURL=[^\n]*" "" text "${text}")
  file(APPEND ${OUT}/vega.js "ltModule(\"vega-${module}\", function (define) {\n${text}\n});\n")
endforeach()

file(READ ${PAGE}/licences.txt text)
string(STRIP "${text}" text)
file(WRITE ${OUT}/report.js "\"use strict\";\nconst ltLicences = `${text}`;\n")
foreach(part data format figure figures sentences tables sections answers main)
  file(READ ${PAGE}/${part}.js text)
  file(APPEND ${OUT}/report.js "${text}\n")
endforeach()
