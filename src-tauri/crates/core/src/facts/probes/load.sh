if read -r line </proc/stat; then part cpu 0 "$line"; else part cpu 1 ''; fi
if read -r line </proc/loadavg; then part load 0 "$line"; else part load 1 ''; fi
total=
available=
while read -r key value _; do
  case $key in MemTotal:) total=$value ;; MemAvailable:) available=$value ;; esac
  if [ -n "$total" ] && [ -n "$available" ]; then break; fi
done </proc/meminfo
part memory 0 "$total $available"
if [ "$1" = disks ]; then run disks df --local -P -k / /var; fi
echo end
