# Commands of the site file, as the site's user in the new release.
# What they are told about the release that they belong to: gate, or live.
hook_stage=gate
next_hook() { # names its unit; here, because what runs in a pipeline tells its shell nothing
    hooks=$((hooks + 1))
    hook=slipway-hook-$SITE-$$-$hooks
}
in_release() { # seconds, process and instance that are asked or empty, program, arguments …
    limit=$1 asked_process=$2 asked_instance=$3
    shift 3
    fenced -q --wait --pipe --collect --unit="$hook" -p "RuntimeMaxSec=$limit" -p "User=$SITE" -p "Group=$SITE" \
        -p "WorkingDirectory=$new/code" -p "EnvironmentFile=$new/config/etc/$SITE/environment" \
        ${asked_process:+-p "EnvironmentFile=-$new/config/etc/$SITE/environment-$asked_process"} \
        -p NoNewPrivileges=yes -p ProtectSystem=strict -p ProtectHome=yes -p PrivateTmp=yes \
        -p "ReadWritePaths=$ROOT/shared" -p "Environment=HOME=$ROOT/cache SLIPWAY_RELEASE=$RELEASE SLIPWAY_STAGE=$hook_stage \
${asked_instance:+INSTANCE=$asked_instance SLIPWAY_INSTANCE=$asked_instance }\
PATH=$new/env/bin:$new/code/node_modules/.bin:/usr/local/bin:/usr/bin:/bin" \
        -- /usr/bin/env -- "$@" </dev/null 2>&1
}
as_site() { # title, program, arguments …
    title=$1
    shift
    printf '%s\n' "$title" | as_text
    next_hook
    {
        in_release "$HOOK_LIMIT" '' '' "$@"
        printf '%s' "$?" >"$work/answered"
    } | as_text
    hook=''
    [ "$(cat "$work/answered" 2>/dev/null)" = 0 ] || {
        why="$title failed"
        return 1
    }
}
migrate() { each_migrate as_site; }
before_switch() { each_before as_site; }
after_switch() { each_after as_site; }
# A process's own word on whether it works: the command that the site file gives, in its environment.
asks_itself() { # process, instance, program, arguments …
    next_hook
    in_release "$CHECK_LIMIT" "$@" >"$work/own"
    answered=$?
    hook=''
    [ "$answered" != 0 ] || return 0
    said=$(tail -n 3 "$work/own" | cut -c1-1000 | tr -c '[:print:]' ' ')
    shift 2
    why="the check of $asked_process ended with $answered: $*"
    return 1
}
