if [ -d /etc/nginx ]; then part nginx 0 ''; else part nginx 127 ''; fi
for path in /etc/nginx/*.conf /etc/nginx/*/*.conf /etc/nginx/*/*/*.conf /etc/nginx/sites-enabled/*; do
  if [ -f "$path" ]; then
    part path 0 "$path"
    # What says nothing stays here; a line stays a line.
    text=$(awk '{ n += length($0) + 1; if (n > 262144) exit 3; sub(/^[ \t]+/, ""); if (/^#/) $0 = ""; print }' "$path" 2>&1)
    part text "$?" "$text"
  fi
done
echo end
