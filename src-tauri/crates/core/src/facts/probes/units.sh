names=
for name; do names="$names$name
"; done
part asked 0 "$names"
if [ "$#" -gt 0 ]; then
  run units systemctl show --property=Id,LoadState,ActiveState,SubState,UnitFileState,MainPID,NRestarts,Result,NeedDaemonReload,ExecMainStatus,ExecMainStartTimestamp,ExecMainStartTimestampMonotonic,MemoryCurrent -- "$@"
fi
echo end
