run all dnf -q --cacheonly check-update
run security dnf -q --cacheonly check-update --security
echo end
