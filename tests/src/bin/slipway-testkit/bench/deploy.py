# The set-up of the sample site for pyinfra.
from pyinfra.operations import apt, files, server, systemd

server.user(user="parlour", system=True, home="/opt/parlour/cache", shell="/usr/sbin/nologin", create_home=False)
server.user(
    user="parlour-build", system=True, home="/opt/parlour/build", shell="/usr/sbin/nologin", create_home=False
)
apt.packages(packages=["nginx", "curl", "nftables", "python3", "python3-venv"])
for path in ["/opt/parlour", "/opt/parlour/releases", "/opt/parlour/envs", "/opt/parlour/shared", "/etc/parlour"]:
    files.directory(path=path, user="root", group="root", mode="755")
files.directory(path="/opt/parlour/build", user="root", group="parlour-build", mode="750")
files.directory(path="/opt/parlour/shared/data", user="parlour", group="parlour", mode="750")
for path in [
    "/etc/parlour/environment",
    "/etc/parlour/gunicorn-web.py",
    "/etc/nginx/conf.d/00-slipway-default-80.conf",
    "/etc/nginx/conf.d/00-slipway-default-443.conf",
    "/etc/nginx/conf.d/parlour.conf",
    "/etc/systemd/system/parlour-web@.service",
    "/etc/systemd/system/parlour-guard.service",
    "/etc/parlour/guard.nft",
    "/etc/systemd/system/parlour-web.5000@.service",
    "/etc/systemd/system/parlour-web.5001@.service",
    "/etc/systemd/system/parlour-web@.socket",
    "/etc/systemd/system/parlour.target",
]:
    files.put(src="files" + path, dest=path)
for unit in ["nginx", "parlour-guard", "parlour-web@5000.socket", "parlour-web@5001.socket"]:
    systemd.service(service=unit, running=True, enabled=True)
server.shell(commands=["nginx -t"])
server.shell(
    commands=["curl -sf -o /dev/null -H 'Host: parlour.test' -H 'X-Forwarded-Proto: https' http://127.0.0.1:5000/health"]
)
