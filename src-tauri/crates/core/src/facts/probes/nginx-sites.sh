if [ -d /etc/nginx ]; then part nginx 0 ''; else part nginx 127 ''; fi
for path in /etc/nginx/*.conf /etc/nginx/*/*.conf /etc/nginx/*/*/*.conf /etc/nginx/sites-enabled/*; do
  if [ -f "$path" ]; then
    part path 0 "$path"
    # What says nothing stays here; a line stays a line.
    text=$(sed -e 's/^[[:blank:]]*//' -e 's/^#.*//' -- "$path" 2>&1 | head -c 262145)
    part text 0 "$text"
  fi
done
echo end
