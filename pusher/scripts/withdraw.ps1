param([string[]] $Name = @())
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

function Get-Value {
    # A property that another LCM version may not have.
    param([object] $Instance, [string] $Name)
    if ($null -eq $Instance) { return }
    $property = $Instance.PSObject.Properties[$Name]
    if ($property) { $property.Value }
}

function Invoke-Lcm {
    # Without a computer name: local DCOM, so no second hop and no limit on the size (the DSC cmdlets have both).
    param([string] $Method, [hashtable] $Argument = @{})
    $lcm = @{ Namespace = 'root/Microsoft/Windows/DesiredStateConfiguration'; ClassName = 'MSFT_DSCLocalConfigurationManager' }
    Invoke-CimMethod @lcm -MethodName $Method -Arguments $Argument
}

function Get-Status {
    # The LCM's records of what it did, newest last; none is an error to it.
    param([bool] $All)
    try { $answer = Invoke-Lcm -Method 'GetConfigurationStatus' -Argument @{ All = $All } } catch { return }
    $status = Get-Value $answer 'ConfigurationStatus'
    if ($status) { $status | Sort-Object -Property StartDate }
}

function Get-ConfigurationName {
    # The documents themselves are encrypted; the record of what was done with one has its name.
    param([object] $Status)
    if ([string] (Get-Value $Status 'MetaData') -match '(?:^|;)\s*Name:\s*([^;]+)') { return $Matches[1].Trim() }
    foreach ($list in 'ResourcesInDesiredState', 'ResourcesNotInDesiredState') {
        foreach ($resource in @(Get-Value $Status $list)) {
            $name = Get-Value $resource 'ConfigurationName'
            if ($name) { return [string] $name }
        }
    }
    ''
}

function Get-Document {
    # The names of the current and the pending document, null where there is none.
    $folder = Join-Path -Path $env:SystemRoot -ChildPath 'System32/Configuration'
    $documents = [ordered]@{ current = $null; pending = $null }
    if (Test-Path -LiteralPath (Join-Path -Path $folder -ChildPath 'Current.mof')) { $documents['current'] = '' }
    if (Test-Path -LiteralPath (Join-Path -Path $folder -ChildPath 'Pending.mof')) { $documents['pending'] = '' }
    if ($null -eq $documents['current'] -and $null -eq $documents['pending']) { return $documents }
    $records = @(Get-Status -All $true | Where-Object { (Get-Value $_ 'Type') -ne 'LocalConfigurationManager' })
    if (-not $records) { return $documents }
    if ($null -ne $documents['pending']) { $documents['pending'] = Get-ConfigurationName -Status $records[-1] }
    if ($null -ne $documents['current']) {
        # A pending document that failed is the newest record; the current one is what last succeeded.
        $good = @($records | Where-Object { $null -eq $documents['pending'] -or (Get-Value $_ 'Status') -eq 'Success' })
        if ($good) { $documents['current'] = Get-ConfigurationName -Status $good[-1] }
    }
    $documents
}

foreach ($item in $Name) {
    if ($item -cnotmatch '\A[A-Za-z0-9][A-Za-z0-9._-]*\z') { throw "'$item' is no name of a staged file" }
}
# Current, Pending, Previous.
foreach ($stage in 1, 2, 4) { [void] (Invoke-Lcm -Method 'RemoveConfiguration' -Argument @{ Stage = [uint32] $stage; Force = $true }) }
$folder = Join-Path -Path $env:ProgramData -ChildPath 'mimc/stage'
foreach ($item in $Name) {
    if (-not [System.IO.Directory]::Exists($folder)) { break }
    foreach ($file in @(Join-Path -Path $folder -ChildPath $item) + [System.IO.Directory]::GetFiles($folder, "$item.*.part")) { [System.IO.File]::Delete($file) }
}
ConvertTo-Json -InputObject ([ordered]@{ version = 1; documents = Get-Document }) -Depth 6 -Compress
