names=
for name; do names="$names$name
"; done
part asked 0 "$names"
run apt apt-cache policy -- "$@"
echo end
