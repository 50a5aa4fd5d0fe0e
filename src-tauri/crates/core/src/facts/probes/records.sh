for directory in /var/lib/slipway/*; do
  if [ -d "$directory" ]; then
    part site 0 "${directory##*/}"
    file manifest "$directory/manifest.json"
    file confirmed "$directory/confirmed"
  fi
done
file host /var/lib/slipway/host.json
file lock /run/slipway/lock
echo end
