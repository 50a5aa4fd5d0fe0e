# The sample application deployed the usual ways, on a host where Slipway has built it. Runs on the host as root.
#   usual prepare          units, a server block of nginx on port 8443, two versions of the code
#   usual WAY VERSION      switches to VERSION: restart, hup, port or drain; returns when the front serves it
set -eu
root=/srv/usual
door=8443
front() { curl -sk --max-time 5 "https://127.0.0.1:$door/version"; }
balancer() { echo "$1" | socat - /run/usual-haproxy.sock >/dev/null; }
until_served() { # version
    tries=0
    until front | grep -q "\"version\":\"$1\""; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || exit 1
        sleep 0.1
    done
}
link() { # to, name
    ln -sfn "$1" "$2.new"
    mv -fT "$2.new" "$2"
}
upstream() { # port
    printf 'server 127.0.0.1:%s;\n' "$1" >/etc/nginx/usual-upstream.inc
    nginx -s reload
}
unit() { # name, bind, directory of the code
    cat >"/etc/systemd/system/$1.service" <<END
[Service]
Type=notify
User=parlour
KillMode=mixed
TimeoutStopSec=20
Environment=SECRET_KEY=usual SESSION_DIR=$root/sessions TRUST_PROXY=1 COOKIE_SECURE=1
ExecStart=$env/bin/gunicorn -c $root/gunicorn.py -b $2 --chdir $3 wsgi:application
ExecReload=/bin/kill -HUP \$MAINPID
END
}

case $1 in
prepare)
    env=$(readlink -f /opt/parlour/current/env)
    mkdir -p $root/releases $root/sessions
    chown parlour: $root/sessions
    for release in /opt/parlour/releases/*/; do
        version=$(sed -n 's/^VERSION = "\(.*\)"/\1/p' "$release/code/version.py")
        [ -e "$root/releases/$version" ] || cp -aL "$release/code" "$root/releases/$version"
    done
    cat >$root/gunicorn.py <<END
workers = 2
worker_class = "gthread"
threads = 200
graceful_timeout = 4
worker_tmp_dir = "/dev/shm"
control_socket_disable = True
END
    unit usual 127.0.0.1:8100 $root/current
    unit usual-port@ 127.0.0.1:%i $root/port-%i
    systemctl daemon-reload
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=parlour.test -keyout $root/key.pem -out $root/cert.pem 2>/dev/null
    cat >/etc/nginx/conf.d/usual.conf <<'END'
upstream usual { include /etc/nginx/usual-upstream.inc; }
map $http_upgrade $usual_connection { "" ""; default upgrade; }
server {
    listen 8443 ssl http2;
    ssl_certificate /srv/usual/cert.pem;
    ssl_certificate_key /srv/usual/key.pem;
    client_max_body_size 16m;
    location / {
        proxy_pass http://usual;
        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto https;
        proxy_set_header X-Forwarded-Host $host;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $usual_connection;
        proxy_read_timeout 1h;
    }
}
END
    upstream 8100
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq haproxy socat >/dev/null
    systemctl disable -q --now haproxy
    cat $root/cert.pem $root/key.pem >$root/both.pem
    cat >$root/haproxy.cfg <<END
global
    stats socket /run/usual-haproxy.sock level admin
defaults
    mode http
    timeout connect 5s
    timeout client 1h
    timeout server 1h
frontend door
    bind :8444 ssl crt $root/both.pem alpn h2,http/1.1
    http-request set-header X-Forwarded-Proto https
    option forwardfor
    default_backend usual
backend usual
    server 8101 127.0.0.1:8101
    server 8102 127.0.0.1:8102
END
    systemd-run -q --unit=usual-haproxy haproxy -W -f $root/haproxy.cfg
    ;;
restart | hup)
    link "releases/$2" $root/current
    if ! systemctl is-active -q usual; then
        upstream 8100
        systemctl start usual
    elif [ "$1" = restart ]; then
        systemctl restart usual
    else
        systemctl reload usual
    fi
    until_served "$2"
    ;;
port)
    old=8101 new=8102
    if systemctl is-active -q usual-port@8102; then old=8102 new=8101; fi
    link "releases/$2" $root/port-$new
    systemctl start usual-port@$new
    until curl -s -o /dev/null "http://127.0.0.1:$new/health"; do sleep 0.1; done
    upstream $new
    systemctl stop usual-port@$old
    until_served "$2"
    ;;
drain)
    door=8444 old=8101 new=8102
    if systemctl is-active -q usual-port@8102; then old=8102 new=8101; fi
    link "releases/$2" $root/port-$new
    systemctl start usual-port@$new
    until curl -s -o /dev/null "http://127.0.0.1:$new/health"; do sleep 0.1; done
    balancer "set server usual/$new state ready"
    balancer "set server usual/$old state drain"
    until_served "$2"
    # As long as the others give to what goes on.
    sleep 4
    systemctl stop usual-port@$old
    balancer "set server usual/$old state maint"
    ;;
esac
