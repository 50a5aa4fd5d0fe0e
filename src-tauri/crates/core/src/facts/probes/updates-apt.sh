lists=
for list in /var/lib/apt/lists/*_Packages*; do
  if [ -e "$list" ]; then lists=yes; break; fi
done
if [ -z "$lists" ]; then
  part lists 127 ''
else
  run lists stat -c %Y /var/lib/apt/lists /var/lib/apt/lists/partial
  run apt apt-get -s -q -o Debug::NoLocking=true --with-new-pkgs upgrade
fi
echo end
