# The least that makes of a host with the packages what `slipway apply` makes for the sample site: the floor of a first
# run. The files come on standard input, as a tar archive.
set -eu
dpkg-query -W nginx curl nftables python3 python3-venv >/dev/null
useradd --system --home-dir /opt/parlour/cache --no-create-home --shell /usr/sbin/nologin --user-group parlour
useradd --system --home-dir /opt/parlour/build --no-create-home --shell /usr/sbin/nologin --user-group parlour-build
install -d -m 755 /var/lib/slipway /var/lib/slipway/acme /etc/slipway /etc/slipway/tls /etc/parlour \
    /opt/parlour /opt/parlour/releases /opt/parlour/envs /opt/parlour/shared
install -d -m 700 /var/lib/slipway/parlour /etc/slipway/tls/parlour
install -d -m 750 -g parlour-build /opt/parlour/build
install -d -m 700 -o parlour -g parlour /opt/parlour/cache /opt/parlour/shared/sessions
install -d -m 750 -o parlour -g parlour /opt/parlour/shared/data
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 397 -subj /CN=parlour.test \
    -addext subjectAltName=DNS:parlour.test -keyout /etc/slipway/tls/parlour/privkey.pem \
    -out /etc/slipway/tls/parlour/fullchain.pem 2>/dev/null
tar -x -C / --no-same-owner
chmod 600 /etc/parlour/environment
chmod 640 /etc/parlour/gunicorn-web.py
chgrp parlour /etc/parlour/gunicorn-web.py
systemctl daemon-reload
systemctl enable -q parlour.target
systemctl enable -q --now parlour-guard
nginx -t 2>/dev/null
systemctl reload nginx
