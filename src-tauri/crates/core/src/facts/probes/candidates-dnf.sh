names=
for name; do names="$names$name
"; done
part asked 0 "$names"
run dnf dnf -q repoquery --latest-limit=1 --qf '%{name} %{epoch}:%{version}-%{release}
' -- "$@"
echo end
