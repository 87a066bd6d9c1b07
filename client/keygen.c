/* lefttail keygen DIR */
#include <stdio.h>
#include <stdlib.h>

#include "client/command.h"
#include "common/net/keys.h"
#include "common/options.h"

static void print_help(void)
{
    fputs("usage: lefttail keygen DIR\n\n"
          "Makes the CurveZMQ keys that endpoints beyond this machine need.\n\n"
          "  lefttail keygen keys\n\n"
          "DIR gets a key pair (.secret, .public) each for the coordinator, the workers and the "
          "clients,\n"
          "and two allow lists. Copy to a worker: worker.secret and coordinator.public; to a "
          "client:\n"
          "client.secret and coordinator.public. Give each program --keys DIR. More workers or "
          "clients\n"
          "with keys of their own: add their public key as a line to workers.allow or "
          "clients.allow.\n"
          "Nothing is overwritten.\n",
          stdout);
}

int lt_command_keygen(int argc, char **argv)
{
    bool help = false;
    const lt_option options[] = {{"help", LT_OPTION_FLAG, &help, NULL, "print this"}};
    int rest = 0;
    lt_error error = {0};
    if (lt_options_read(options, 1, argc, argv, &rest, &error) != LT_OK)
        return lt_command_fail("keygen", &error);
    if (help) {
        print_help();
        return 0;
    }
    if (rest != 1)
        return lt_command_usage("keygen", "%s",
                                rest == 0 ? "no folder is named" : "more than one folder is named");
    if (lt_keys_make(argv[1], &error) != LT_OK)
        return lt_command_fail("keygen", &error);
    printf("%s: keys of a coordinator, its workers and its clients\n", argv[1]);
    return 0;
}
