if [ -e /etc/os-release ]; then file os-release /etc/os-release; else file os-release /usr/lib/os-release; fi
tools=
for tool in apt-get dpkg-query dnf rpm; do if program "$tool"; then tools="$tools $tool"; fi; done
part tools 0 "$tools"
names=
for name; do names="$names$name
"; done
part asked 0 "$names"
case $tools in *dpkg-query*) run dpkg dpkg-query -W -f '${Package} ${db:Status-Status} ${Version}\n' -- "$@" ;; esac
case $tools in *rpm*) run rpm rpm -q --qf '%{NAME} installed %{EPOCHNUM}:%{VERSION}-%{RELEASE}\n' -- "$@" ;; esac
for list in /var/lib/apt/lists/*_Packages*; do
  if [ -e "$list" ]; then
    run lists stat -c %Y /var/lib/apt/lists /var/lib/apt/lists/partial
    break
  fi
done
echo end
