run disks df --local -B1 --output=fstype,size,avail,itotal,iavail,source,target
echo end
