#include "client/command.h"

#include <stdarg.h>
#include <stdio.h>

int lt_command_fail(const char *name, const lt_error *error)
{
    char text[LT_ERROR_TEXT_BYTES];
    fprintf(stderr, "lefttail %s: %s\n", name, lt_error_text(error, text, sizeof text));
    return lt_status_exit_code(error->status);
}

int lt_command_usage(const char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "lefttail %s: ", name);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\nTry 'lefttail %s --help'.\n", name);
    va_end(args);
    return 2;
}
