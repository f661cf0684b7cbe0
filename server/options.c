#include <string.h>

#include "server/options_table.h"

gh_status gh_settings_load(int argc, char **argv, char **env, gh_settings *settings, gh_error *error)
{
    memset(settings, 0, sizeof *settings);
    settings->requests_per_minute = GH_SETTING_UNSET;
    settings->requests_per_minute_user = GH_SETTING_UNSET;
    gh_status status =
        gh_options_load(&GH_SETTINGS_TABLE, argc, argv, env, settings, &settings->result, error);
    if (status != GH_OK || settings->result.help || settings->result.version) {
        return status;
    }
    return gh_settings_check(settings, error);
}

void gh_settings_clear(gh_settings *settings)
{
    gh_options_clear(&GH_SETTINGS_TABLE, settings, &settings->result);
}

gh_status gh_settings_write_help(gh_buf *out)
{
    return gh_options_write_help(&GH_SETTINGS_TABLE, out);
}

gh_status gh_settings_write_config(const gh_settings *settings, gh_buf *out)
{
    return gh_options_write_config(&GH_SETTINGS_TABLE, settings, out);
}
