run sockets ss -tlnpH
echo end
