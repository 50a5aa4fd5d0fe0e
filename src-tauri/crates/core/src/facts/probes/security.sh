file selinux-enforce /sys/fs/selinux/enforce
file selinux-config /etc/selinux/config
if program firewall-cmd; then
  run firewalld-unit systemctl show firewalld.service --property=Id,LoadState,ActiveState,UnitFileState
  case $text in
    *ActiveState=active*)
      bus=org.fedoraproject.FirewallD1
      object=/org/fedoraproject/FirewallD1
      run firewalld-zone busctl call $bus $object $bus getDefaultZone
      run firewalld-services busctl call $bus $object $bus.zone getServices s ''
      run firewalld-ports busctl call $bus $object $bus.zone getPorts s ''
      ;;
  esac
  zone=public
  if [ -r /etc/firewalld/firewalld.conf ]; then
    while IFS= read -r line; do
      case $line in DefaultZone=*) zone=${line#DefaultZone=} ;; esac
    done </etc/firewalld/firewalld.conf
  fi
  case $zone in '' | *[!A-Za-z0-9_-]*) zone=public ;; esac
  part firewalld-default 0 "$zone"
  if [ -e "/etc/firewalld/zones/$zone.xml" ]; then
    file firewalld-file "/etc/firewalld/zones/$zone.xml"
  else
    file firewalld-file "/usr/lib/firewalld/zones/$zone.xml"
  fi
fi
if program ufw; then
  file ufw-conf /etc/ufw/ufw.conf
  run ufw-rules grep -hs '^### tuple ### ' /etc/ufw/user.rules /etc/ufw/user6.rules
fi
if program nft; then run nft "$found" list chains; fi
echo end
