if [ -d /etc/nginx ]; then part nginx 0 ''; else part nginx 127 ''; fi
for path in /etc/nginx/*.conf /etc/nginx/*/*.conf /etc/nginx/*/*/*.conf /etc/nginx/sites-enabled/*; do
  if [ -f "$path" ]; then
    part path 0 "$path"
    file text "$path"
  fi
done
echo end
