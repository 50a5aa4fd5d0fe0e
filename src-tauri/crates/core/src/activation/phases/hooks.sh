# Commands of the site file, as the site's user in the new release.
as_site() { # title, program, arguments …
    title=$1
    shift
    printf '%s\n' "$title"
    hooks=$((hooks + 1))
    hook=slipway-hook-$SITE-$$-$hooks
    systemd-run -q --wait --pipe --collect --unit="$hook" -p "RuntimeMaxSec=$HOOK_LIMIT" -p "User=$SITE" -p "Group=$SITE" \
        -p "WorkingDirectory=$new/code" -p "EnvironmentFile=$new/config/etc/$SITE/environment" \
        -p NoNewPrivileges=yes -p ProtectSystem=strict -p ProtectHome=yes -p PrivateTmp=yes \
        -p "ReadWritePaths=$ROOT/shared" -p "Environment=HOME=$ROOT/cache SLIPWAY_RELEASE=$RELEASE SLIPWAY_STAGE=$hook_stage \
PATH=$new/env/bin:$new/code/node_modules/.bin:/usr/local/bin:/usr/bin:/bin" \
        -- /usr/bin/env -- "$@" </dev/null 2>&1 || {
        why="$title failed"
        return 1
    }
    hook=''
}
# What they are told about the release that they belong to: gate, or live.
hook_stage=gate
migrate() { each_migrate as_site; }
before_switch() { each_before as_site; }
after_switch() { each_after as_site; }
# A process's own word on whether it works: the command that the site file gives, in its environment.
asks_itself() { # process, instance, program, arguments …
    asked_process=$1 asked_instance=$2
    shift 2
    hooks=$((hooks + 1))
    hook=slipway-hook-$SITE-$$-$hooks
    systemd-run -q --wait --pipe --collect --unit="$hook" -p "RuntimeMaxSec=$CHECK_LIMIT" -p "User=$SITE" -p "Group=$SITE" \
        -p "WorkingDirectory=$new/code" -p "EnvironmentFile=$new/config/etc/$SITE/environment" \
        -p "EnvironmentFile=-$new/config/etc/$SITE/environment-$asked_process" \
        -p NoNewPrivileges=yes -p ProtectSystem=strict -p ProtectHome=yes -p PrivateTmp=yes \
        -p "ReadWritePaths=$ROOT/shared" -p "Environment=HOME=$ROOT/cache SLIPWAY_RELEASE=$RELEASE SLIPWAY_STAGE=$hook_stage \
INSTANCE=$asked_instance SLIPWAY_INSTANCE=$asked_instance \
PATH=$new/env/bin:$new/code/node_modules/.bin:/usr/local/bin:/usr/bin:/bin" \
        -- /usr/bin/env -- "$@" </dev/null >"$work/own" 2>&1
    answered=$?
    hook=''
    [ "$answered" != 0 ] || return 0
    said=$(tail -n 3 "$work/own" | cut -c1-1000 | tr -c '[:print:]' ' ')
    why="the check of $asked_process ended with $answered: $*"
    return 1
}
