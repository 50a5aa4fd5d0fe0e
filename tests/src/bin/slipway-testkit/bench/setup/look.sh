# The least that says whether a host is as `slipway apply` made it for the sample site: the floor of a run without changes.
set -eu
id -u parlour
id -u parlour-build
stat -c '%U:%G %a %n' /var/lib/slipway /var/lib/slipway/* /etc/slipway /etc/slipway/tls /etc/slipway/tls/parlour/* \
    /etc/parlour /opt/parlour /opt/parlour/* /opt/parlour/shared/*
dpkg-query -W -f '${db:Status-Status} ${Package}\n' nginx curl nftables python3 python3-venv
sha256sum /etc/parlour/environment /etc/parlour/gunicorn-web.py /etc/parlour/guard.nft /etc/nginx/conf.d/00-slipway-default-*.conf \
    /etc/nginx/conf.d/parlour.conf \
    /etc/systemd/system/parlour-web@.service /etc/systemd/system/parlour-guard.service /etc/systemd/system/parlour-web.500?@.service \
    /etc/systemd/system/parlour-web@.socket /etc/systemd/system/parlour.target \
    /etc/slipway/tls/parlour/*
systemctl is-enabled parlour.target parlour-guard nginx
systemctl is-active nginx parlour-guard
nft list chains
