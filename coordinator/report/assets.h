/* The page's parts, put into the program at build time (see CMakeLists.txt). */
#ifndef LT_REPORT_ASSETS_H
#define LT_REPORT_ASSETS_H

#include <stddef.h>

/* name, file in the build folder */
#define LT_ASSET_LIST(X)                                                                           \
    X(html, "report.html")                                                                         \
    X(style, "report.css")                                                                         \
    X(vega, "vega.js")                                                                             \
    X(script, "report.js")

typedef struct lt_asset {
    const char *bytes;
    size_t len;
} lt_asset;

#define X(name, file) lt_asset lt_asset_##name(void);
LT_ASSET_LIST(X)
#undef X

#endif
