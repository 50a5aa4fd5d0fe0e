# Turns a Debian 12 tree into the `el9-like` stand-in: the look, paths and package tools of AlmaLinux 9.
#
# usage: sh el9.sh ROOT WORK
# Runs on the outer machine. The payload of every RPM comes from the Debian package of the same program; what a
# package needs (libraries, Python modules) is in the tree already, the commands themselves are not.
set -eu
root=$1
work=$2
export LC_ALL=C.UTF-8
repository=usr/share/el9-like/repository
mkdir -p "$work" "$root/$repository"

# --- payload -------------------------------------------------------------------------------------------------
mkdir "$root/tmp/payload"
chmod 777 "$root/tmp/payload"
chroot "$root" sh -c 'cd /tmp/payload && apt-get -qq download nginx nginx-common git curl jq logrotate openssl \
    policycoreutils-python-utils tar acl zstd rsync python3-pip'

# unpack NAME DEBIAN-PACKAGE...: makes $work/NAME with a merged /usr and without documentation.
unpack() {
    tree=$work/$1
    shift
    mkdir -p "$tree"
    for package in "$@"; do
        dpkg-deb -x "$root"/tmp/payload/"$package"_*.deb "$tree"
    done
    for folder in bin sbin lib; do
        [ -d "$tree/$folder" ] || continue
        mkdir -p "$tree/usr/$folder"
        cp -a "$tree/$folder/." "$tree/usr/$folder/"
        rm -r "${tree:?}/$folder"
    done
    rm -rf "$tree/usr/share/doc" "$tree/usr/share/man" "$tree/usr/share/lintian" "$tree/usr/share/bug" \
        "$tree/usr/share/locale" "$tree/etc/init.d" "$tree/etc/cron.daily" "$tree/etc/default"
}

version_of() { # DEBIAN-PACKAGE: its upstream version as RPM allows it
    dpkg-deb -f "$root"/tmp/payload/"$1"_*.deb Version | sed 's/^[0-9]*://; s/-[^-]*$//; s/[^A-Za-z0-9.]/./g'
}

# make_rpm NAME VERSION REQUIRES: reads scriptlets from standard input, payload from $work/NAME when there is one.
make_rpm() {
    name=$1 version=$2 requires=$3
    spec=$work/$name.spec
    {
        printf 'Name: %s\nVersion: %s\nRelease: 1.el9\nSummary: %s (test stand-in)\nLicense: various\n' \
            "$name" "$version" "$name"
        printf 'AutoReqProv: no\n'
        [ -z "$requires" ] || printf 'Requires: %s\n' "$requires"
        case $name in
            bash) printf 'Provides: /bin/sh\nProvides: /usr/bin/sh\nProvides: /bin/bash\nProvides: /usr/bin/bash\n' ;;
            python3.11) printf 'Provides: python(abi) = 3.11\n' ;;
            almalinux-release) printf 'Provides: system-release = 9.5\nProvides: system-release(releasever) = 9\nProvides: redhat-release = 9.5\n' ;;
        esac
        printf '%%description\nPayload of the Debian package, for tests.\n'
        cat
        printf '%%files\n'
        if [ -d "$work/$name" ]; then
            (cd "$work/$name" && find . -type f -o -type l) | sed 's/^\.//' | while read -r path; do
                case $path in /etc/*) printf '%%config(noreplace) ' ;; esac
                printf '"%s"\n' "$path"
            done
            cat "$work/$name.dirs" 2>/dev/null || :
        fi
    } > "$spec"
    mkdir -p "$work/empty"
    buildroot=$work/$name
    [ -d "$buildroot" ] || buildroot=$work/empty
    # rpmbuild empties its build root first, so it gets a copy.
    rm -rf "$work/buildroot"
    cp -a "$buildroot" "$work/buildroot"
    rpmbuild -bb --quiet --noclean --buildroot "$work/buildroot" \
        --define "_topdir $work/rpmbuild" --define "_rpmdir $root/$repository" --define '_build_id_links none' \
        --define '__os_install_post %{nil}' --define 'debug_package %{nil}' --define '_binary_payload w3.gzdio' \
        --target x86_64-linux "$spec" > "$work/$name.log" 2>&1 || { tail -20 "$work/$name.log" >&2; exit 1; }
}

# --- nginx as RHEL has it ------------------------------------------------------------------------------------
unpack nginx nginx nginx-common
nginx=$work/nginx
rm -rf "$nginx"/etc/nginx/sites-* "$nginx"/etc/nginx/snippets "$nginx"/etc/nginx/modules-* "$nginx"/etc/ufw \
    "$nginx"/var/www "$nginx"/usr/share/apport "$nginx"/usr/share/vim "$nginx"/etc/nginx/proxy_params \
    "$nginx"/usr/share/nginx/html "$nginx"/usr/share/nginx/modules
mkdir -p "$nginx"/etc/nginx/conf.d "$nginx"/etc/nginx/default.d "$nginx"/usr/share/nginx/html "$nginx"/var/log/nginx \
    "$nginx"/var/lib/nginx/tmp "$nginx"/usr/lib/systemd/system "$nginx"/etc/logrotate.d \
    "$nginx"/usr/share/nginx/modules
cat > "$nginx/etc/nginx/nginx.conf" <<'CONF'
# For more information on configuration, see:
#   * Official English Documentation: http://nginx.org/en/docs/

user nginx;
worker_processes auto;
error_log /var/log/nginx/error.log;
pid /run/nginx.pid;

# Load dynamic modules. See /usr/share/doc/nginx/README.dynamic.
include /usr/share/nginx/modules/*.conf;

events {
    worker_connections 1024;
}

http {
    log_format  main  '$remote_addr - $remote_user [$time_local] "$request" '
                      '$status $body_bytes_sent "$http_referer" '
                      '"$http_user_agent" "$http_x_forwarded_for"';

    access_log  /var/log/nginx/access.log  main;

    sendfile            on;
    tcp_nopush          on;
    tcp_nodelay         on;
    keepalive_timeout   65;
    types_hash_max_size 4096;

    include             /etc/nginx/mime.types;
    default_type        application/octet-stream;

    # Load modular configuration files from the /etc/nginx/conf.d directory.
    include /etc/nginx/conf.d/*.conf;

    server {
        listen       80;
        listen       [::]:80;
        server_name  _;
        root         /usr/share/nginx/html;

        # Load configuration files for the default server block.
        include /etc/nginx/default.d/*.conf;

        error_page 404 /404.html;
        location = /404.html {
        }

        error_page 500 502 503 504 /50x.html;
        location = /50x.html {
        }
    }
}
CONF
cat > "$nginx/usr/lib/systemd/system/nginx.service" <<'UNIT'
[Unit]
Description=The nginx HTTP and reverse proxy server
After=network-online.target remote-fs.target nss-lookup.target
Wants=network-online.target

[Service]
Type=forking
PIDFile=/run/nginx.pid
# Nginx will fail to start if /run/nginx.pid already exists but has the wrong
# SELinux context. This might happen when running `nginx -t` from the cmdline.
ExecStartPre=/usr/bin/rm -f /run/nginx.pid
ExecStartPre=/usr/sbin/nginx -t
ExecStart=/usr/sbin/nginx
ExecReload=/usr/sbin/nginx -s reload
KillSignal=SIGQUIT
TimeoutStopSec=5
KillMode=mixed
PrivateTmp=true

[Install]
WantedBy=multi-user.target
UNIT
cat > "$nginx/etc/logrotate.d/nginx" <<'CONF'
/var/log/nginx/*.log {
    create 0640 nginx root
    daily
    rotate 10
    missingok
    notifempty
    compress
    delaycompress
    sharedscripts
    postrotate
        /bin/kill -USR1 `cat /run/nginx.pid 2>/dev/null` 2>/dev/null || true
    endscript
}
CONF
for page in index 404 50x; do
    printf '<!DOCTYPE html>\n<title>Test Page for the HTTP Server (%s)</title>\n' "$page" \
        > "$nginx/usr/share/nginx/html/$page.html"
done
cat > "$work/nginx.dirs" <<'DIRS'
%dir /etc/nginx
%dir /etc/nginx/conf.d
%dir /etc/nginx/default.d
%dir /usr/share/nginx/modules
%attr(0711,root,root) %dir /var/log/nginx
%attr(0770,nginx,root) %dir /var/lib/nginx
%attr(0770,nginx,root) %dir /var/lib/nginx/tmp
DIRS
make_rpm nginx "$(version_of nginx)" '' <<'SCRIPTS'
%pre
getent group nginx > /dev/null || groupadd -r nginx
getent passwd nginx > /dev/null || useradd -r -d /var/lib/nginx -g nginx -s /sbin/nologin -c "Nginx web server" nginx
%post
systemctl daemon-reload > /dev/null 2>&1 || :
%preun
[ "$1" -gt 0 ] || systemctl disable --now nginx.service > /dev/null 2>&1 || :
%postun
systemctl daemon-reload > /dev/null 2>&1 || :
SCRIPTS

# --- the other packages --------------------------------------------------------------------------------------
plain() { # RPM-NAME DEBIAN-PACKAGE [REQUIRES]
    unpack "$1" "$2"
    make_rpm "$1" "$(version_of "$2")" "${3:-}" < /dev/null
}
plain git-core git
make_rpm git "$(version_of git)" git-core < /dev/null
for name in curl jq openssl tar acl zstd rsync policycoreutils-python-utils; do
    plain "$name" "$name"
done
# RHEL 9 splits curl; a minimal installation uses this one.
plain curl-minimal curl
plain python3-pip python3-pip

unpack logrotate logrotate
mkdir -p "$work/logrotate/etc/logrotate.d" "$work/logrotate/var/lib/logrotate"
printf 'weekly\nrotate 4\ncreate\ndateext\ninclude /etc/logrotate.d\n' > "$work/logrotate/etc/logrotate.conf"
printf '%%dir /etc/logrotate.d\n%%dir /var/lib/logrotate\n' > "$work/logrotate.dirs"
make_rpm logrotate "$(version_of logrotate)" '' <<'SCRIPTS'
%post
systemctl enable --now logrotate.timer > /dev/null 2>&1 || :
SCRIPTS

# The interpreter of the tree is /usr/bin/python3 alone; the versioned name comes with its RPM, as on RHEL 9.
python=3.11
rm "$root/usr/bin/python3"
mv "$root/usr/bin/python$python" "$root/usr/bin/python3"
mkdir -p "$work/python3.11/usr/bin"
cp "$root/usr/bin/python3" "$work/python3.11/usr/bin/python3.11"
make_rpm python3.11 "$(chroot "$root" python3 -c 'import platform; print(platform.python_version())')" '' < /dev/null
rm -f "$root/usr/lib/python$python/EXTERNALLY-MANAGED"

# --- packages that a bare system has: names without payload, so that `rpm -q` knows them ----------------------
bare='almalinux-release python3 bash coreutils systemd openssh-server sudo dnf rpm firewalld policycoreutils
    libselinux-utils iproute nftables ca-certificates'
for name in $bare epel-release; do
    case $name in
        almalinux-release) version=9.5 ;;
        epel-release) version=9 ;;
        iproute) version=6.1 ;;
        libselinux-utils) version=3.4 ;;
        *) version=$(chroot "$root" dpkg-query -W -f '${Version}' "$name" | sed 's/^[0-9]*://; s/-[^-]*$//; s/[^A-Za-z0-9.]/./g') ;;
    esac
    make_rpm "$name" "$version" '' < /dev/null
done
createrepo_c --quiet "$root/$repository"

# --- the look of the system ----------------------------------------------------------------------------------
cat > "$root/usr/lib/os-release" <<'RELEASE'
NAME="AlmaLinux"
VERSION="9.5 (Teal Serval)"
ID="almalinux"
ID_LIKE="rhel centos fedora"
VERSION_ID="9.5"
PLATFORM_ID="platform:el9"
PRETTY_NAME="AlmaLinux 9.5 (Teal Serval)"
ANSI_COLOR="0;34"
CPE_NAME="cpe:/o:almalinux:almalinux:9::baseos"
RELEASE
ln -sf ../usr/lib/os-release "$root/etc/os-release"
echo 'AlmaLinux release 9.5 (Teal Serval)' > "$root/etc/almalinux-release"
ln -sf almalinux-release "$root/etc/redhat-release"
ln -sf almalinux-release "$root/etc/system-release"
rm -f "$root/etc/debian_version"
mkdir -p "$root/etc/yum.repos.d" "$root/etc/sysconfig" "$root/etc/selinux" "$root/etc/dnf/vars"
cat > "$root/etc/yum.repos.d/almalinux.repo" <<REPOSITORY
[appstream]
name=AlmaLinux 9 - AppStream (test stand-in)
baseurl=file:///$repository
enabled=1
gpgcheck=0
REPOSITORY
printf 'SELINUX=disabled\nSELINUXTYPE=targeted\n' > "$root/etc/selinux/config"
chroot "$root" groupadd --system wheel
chroot "$root" usermod --append --groups wheel operator
printf '%%wheel ALL=(ALL) ALL\n' > "$root/etc/sudoers.d/10-wheel"
chmod 0440 "$root/etc/sudoers.d/10-wheel"

# RHEL calls the unit sshd.service, and has no init scripts: systemd would make a second unit of each, which takes its port
# or not, as it happens.
rm -rf "$root/etc/init.d" "$root"/etc/rc?.d
sed -i '/^Alias=/d' "$root/lib/systemd/system/ssh.service"
mv "$root/lib/systemd/system/ssh.service" "$root/lib/systemd/system/sshd.service"
rm -f "$root/etc/systemd/system/sshd.service" "$root/etc/systemd/system/multi-user.target.wants/ssh.service"
ln -s /lib/systemd/system/sshd.service "$root/etc/systemd/system/multi-user.target.wants/sshd.service"

# shellcheck disable=SC2086 # a list of words
chroot "$root" dnf --quiet --assumeyes install $bare > "$work/dnf.log" 2>&1 || { tail -20 "$work/dnf.log" >&2; exit 1; }
chroot "$root" dnf --quiet makecache > /dev/null 2>&1 || :

# --- nothing of Debian's package tools may be used by accident ------------------------------------------------
rm -rf "$root/tmp/payload"
aside=$root/usr/share/el9-like/aside
mkdir -p "$aside"
mv "$root"/usr/bin/apt* "$root"/usr/bin/dpkg* "$root"/usr/sbin/dpkg* "$root/etc/apt" "$root/var/lib/dpkg" \
    "$root/var/lib/apt" "$aside/" 2>/dev/null || :
for name in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer; do
    rm -f "$root/lib/systemd/system/$name" "$root/etc/systemd/system/timers.target.wants/$name"
done
chmod 0700 "$aside"
rm -f "$root/usr/bin/openssl" "$root/bin/tar"
