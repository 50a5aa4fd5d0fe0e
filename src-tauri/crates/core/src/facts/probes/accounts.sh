run users getent passwd
run groups getent group
echo end
