for directory in /var/lib/slipway/*; do
  if [ -d "$directory" ]; then
    part site 0 "${directory##*/}"
    file manifest "$directory/manifest.json"
  fi
done
file lock /run/slipway/lock
echo end
