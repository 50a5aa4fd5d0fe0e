# What a person would write who only wants to know whether the sample site is as it was: the floor of a no-change run.
set -eu
id -u parlour
id -u parlour-build
stat -c '%U:%G %a %n' /opt/parlour /opt/parlour/releases /opt/parlour/envs /opt/parlour/build /opt/parlour/shared /opt/parlour/shared/data /etc/parlour
dpkg-query -W -f '${db:Status-Status} ${Package}\n' nginx curl nftables python3 python3-venv
sha256sum /etc/parlour/environment /etc/parlour/gunicorn-web.py /etc/parlour/guard.nft /etc/nginx/conf.d/00-slipway-default-*.conf \
    /etc/nginx/conf.d/parlour.conf \
    /etc/systemd/system/parlour-web@.service /etc/systemd/system/parlour-guard.service /etc/systemd/system/parlour-web.500?@.service \
    /etc/systemd/system/parlour-web@.socket /etc/systemd/system/parlour.target
systemctl is-active nginx parlour-guard parlour-web@5000.socket parlour-web@5001.socket
nft list chains
nginx -t 2>/dev/null
curl -sf -o /dev/null -H 'Host: parlour.test' -H 'X-Forwarded-Proto: https' http://127.0.0.1:5000/health
