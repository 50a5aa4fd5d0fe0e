if [ -e /etc/os-release ]; then file os-release /etc/os-release; else file os-release /usr/lib/os-release; fi
run kernel uname -rm
line hostname /proc/sys/kernel/hostname
run systemd systemctl --version
if [ -d /run/systemd/system ]; then part booted 0 yes; else part booted 0 no; fi
line boot-id /proc/sys/kernel/random/boot_id
if [ -e /run/reboot-required ]; then part reboot 0 yes; else part reboot 0 no; fi
kernels=
for image in /lib/modules/*/vmlinuz; do
  if [ -e "$image" ]; then image=${image%/vmlinuz}; kernels="$kernels${image##*/}
"; fi
done
part kernels 0 "$kernels"
run virtualization systemd-detect-virt
run memory sed -n '/^MemTotal:/p;/^MemAvailable:/p;/^SwapTotal:/p;/^SwapFree:/p' /proc/meminfo
run processors getconf _NPROCESSORS_ONLN
line load /proc/loadavg
run seconds date +%s
# Who only plans has no use for it, and systemd may have to start a service that knows.
if [ "$1" = planning ]; then part clock 0 ''; else run clock timedatectl show --property=Timezone --property=NTPSynchronized; fi
echo end
