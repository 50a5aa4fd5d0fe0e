# Whether a host is what the contenders were to make of it. In front of this stands: sums, the digests of the files.
set -eu
is() { # what, what it is, what it was to be
    [ "$2" = "$3" ] || {
        printf '%s is "%s" instead of "%s"\n' "$1" "$2" "$3"
        exit 1
    }
}
for package in nginx curl nftables python3 python3-venv; do
    is "package $package" "$(dpkg-query -W -f '${db:Status-Status}' $package 2>&1)" installed
done
is 'the account' "$(getent passwd parlour | cut -d: -f6,7)" /opt/parlour/cache:/usr/sbin/nologin
is 'its group' "$(id -gn parlour)" parlour
is 'the builder' "$(getent passwd parlour-build | cut -d: -f6,7)" /opt/parlour/build:/usr/sbin/nologin
while read -r owner mode path; do
    is "$path" "$(stat -c '%U:%G %a' "$path" 2>&1)" "$owner $mode"
done <<END
root:root 755 /var/lib/slipway
root:root 700 /var/lib/slipway/parlour
root:root 755 /var/lib/slipway/acme
root:root 755 /etc/slipway
root:root 755 /etc/slipway/tls
root:root 700 /etc/slipway/tls/parlour
root:root 755 /opt/parlour
root:root 755 /opt/parlour/releases
root:root 755 /opt/parlour/envs
root:parlour-build 750 /opt/parlour/build
parlour:parlour 700 /opt/parlour/cache
root:root 755 /opt/parlour/shared
parlour:parlour 750 /opt/parlour/shared/data
parlour:parlour 700 /opt/parlour/shared/sessions
root:root 755 /etc/parlour
root:root 644 /etc/systemd/system/parlour.target
root:root 644 /etc/systemd/system/parlour-web@.socket
root:root 644 /etc/systemd/system/parlour-web@.service
root:root 644 /etc/systemd/system/parlour-guard.service
root:root 644 /etc/parlour/guard.nft
root:root 644 /etc/systemd/system/parlour-web.5000@.service
root:root 644 /etc/systemd/system/parlour-web.5001@.service
root:root 600 /etc/parlour/environment
root:parlour 640 /etc/parlour/gunicorn-web.py
root:root 644 /etc/nginx/conf.d/00-slipway-default-80.conf
root:root 644 /etc/nginx/conf.d/00-slipway-default-443.conf
root:root 644 /etc/nginx/conf.d/parlour.conf
root:root 600 /etc/slipway/tls/parlour/privkey.pem
END
printf '%s' "$sums" | sha256sum --check --quiet
tls=/etc/slipway/tls/parlour
is 'the key' "$(openssl pkey -in $tls/privkey.pem -pubout 2>&1)" "$(openssl x509 -in $tls/fullchain.pem -noout -pubkey 2>&1)"
openssl x509 -in $tls/fullchain.pem -noout -checkend $((390 * 86400))
is 'parlour.target' "$(systemctl is-enabled parlour.target 2>&1)" enabled
is 'the guard' "$(systemctl is-enabled parlour-guard 2>&1) $(systemctl is-active parlour-guard 2>&1)" 'enabled active'
is 'its chain' "$(nft list chain inet slipway_parlour output 2>&1 | grep -c 5000)" 2
is 'what systemd knows' "$(systemctl show -p LoadState -p NeedDaemonReload --value parlour.target | tr '\n' ' ')" 'loaded no '
nginx -t 2>/dev/null
# nginx takes a new configuration up a moment after it was told to. Nothing runs behind it yet: it says so itself, with
# the certificate that is there.
turn=0
until served=$(curl -s --cacert $tls/fullchain.pem --resolve parlour.test:443:127.0.0.1 -w '%{http_code}' https://parlour.test/ 2>&1) || [ $turn -gt 50 ]; do
    turn=$((turn + 1))
    sleep 0.1
done
case $served in *'Not available yet'*503) ;; *) is 'what nginx serves' "$served" 'its own page of 503' ;; esac
