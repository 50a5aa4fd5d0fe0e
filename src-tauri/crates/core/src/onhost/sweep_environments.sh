# Removes environments that no release uses. Arguments: releases directory, environments directory.
set -u
for environment in "$2"/*/; do
    [ -d "$environment" ] || continue
    key=$(basename "$environment")
    used=no
    for link in "$1"/*/env; do
        if [ "$(readlink "$link" 2>/dev/null)" = "../../envs/$key" ]; then used=yes; fi
    done
    [ "$used" = yes ] || rm -rf -- "${environment%/}"
done
