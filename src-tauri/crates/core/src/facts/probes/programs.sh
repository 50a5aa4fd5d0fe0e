paths=
for tool; do if program "$tool"; then paths="$paths$tool $found
"; fi; done
part tools 0 "$paths"
if program nginx; then text=$("$found" -V 2>&1); part nginx "$?" "$text"; else part nginx 127 ''; fi
if program openssl; then run openssl "$found" version; else part openssl 127 ''; fi
if program git; then run git "$found" --version; else part git 127 ''; fi
if program node; then run node "$found" --version; else part node 127 ''; fi
if program npm; then
  script=$(readlink -f -- "$found")
  run npm grep -m 1 '"version"' "${script%/bin/*}/package.json"
else
  part npm 127 ''
fi
default='' seen=''
if program python3; then default=$(readlink -f -- "$found"); fi
part python-default 0 "$default"
for python in /usr/bin/python3.[0-9] /usr/bin/python3.[0-9][0-9] "$default"; do
  case $python in
    "$default") [ -n "$seen" ] && continue ;;
  esac
  if [ ! -f "$python" ] || [ ! -x "$python" ]; then continue; fi
  if [ "$python" = "$default" ]; then seen=yes; fi
  name=${python##*/}
  venv=no
  for library in "${python%/bin/*}/lib/$name" "${python%/bin/*}/lib64/$name"; do
    if [ -e "$library/venv/__init__.py" ] && [ -e "$library/ensurepip/__init__.py" ]; then venv=yes; fi
  done
  part python-path 0 "$python"
  part python-venv 0 "$venv"
  text=$("$python" --version 2>&1)
  part python-version "$?" "$text"
done
echo end
