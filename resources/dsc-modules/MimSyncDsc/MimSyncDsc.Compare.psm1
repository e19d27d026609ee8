# Desired against actual. The twin of resources/compare.py; both answer the cases of tests/conformance/ alike.
Set-StrictMode -Version Latest
Import-Module -Name (Join-Path -Path $PSScriptRoot -ChildPath 'MimSyncDsc.Read.psm1')

$script:Table = (Import-PowerShellDataFile -Path (Join-Path -Path $PSScriptRoot -ChildPath 'MimSyncDsc.Properties.psd1')).Properties

function Compare-MimSyncState {
    <#
    .SYNOPSIS
    Give a verdict for each desired property: Property, Status, Desired, Actual, Reason.
    .DESCRIPTION
    Pure. Without the product every compared property is drift; of one that is to be absent nothing else is compared.
    Unknown is neither drift nor the desired state.
    .PARAMETER Desired
    Property names with plain values; an account with a password is its user name.
    .PARAMETER State
    The state of docs/contract.md, as dictionaries.
    #>
    param([System.Collections.IDictionary] $Desired, [System.Collections.IDictionary] $State)
    foreach ($row in $script:Table) {
        if (-not $Desired.Contains($row['Name'])) { continue }
        if ($row['Rule'] -eq 'none' -and $row['Fixed']) { continue }
        if ((Test-Text $Desired['Ensure'] 'Absent') -and $row['Name'] -ne 'Ensure') {
            @{ Property = $row['Name']; Status = 'notCompared'; Desired = $Desired[$row['Name']]; Actual = $null; Reason = 'the product is to be absent' }
            continue
        }
        $verdict = Get-Verdict -Row $row -Desired $Desired[$row['Name']] -State $State
        # Refuse is what a policy says by itself.
        if ($verdict['Status'] -eq 'cannotSet' -and $row['RepairedBy'] -and $Desired[$row['RepairedBy']] -and -not (Test-Text $Desired[$row['RepairedBy']] 'Refuse')) {
            $verdict['Status'] = 'drift'
            $verdict['Reason'] = ''
        }
        $verdict
    }
}

function Get-Verdict {
    param([hashtable] $Row, [object] $Desired, [System.Collections.IDictionary] $State)
    $verdict = @{ Property = $Row['Name']; Status = ''; Desired = $Desired; Actual = $null; Reason = '' }
    if ($Row['Rule'] -eq 'none') {
        $verdict['Status'] = 'notCompared'
        $verdict['Reason'] = 'serves setup, cannot be read back'
        return $verdict
    }
    $ensure = $State['properties']['Ensure']['value']
    $observed = $State['properties'][$Row['Name']]
    if ($null -eq $observed) { $observed = @{} }
    if ($ensure -cne 'Present' -and $Row['Name'] -ne 'Ensure') {
        $verdict['Status'] = 'drift'
        $verdict['Reason'] = 'not installed'
        return $verdict
    }
    foreach ($kind in 'unknown', 'notChecked') {
        if ($observed[$kind]) {
            $verdict['Status'] = $kind
            $verdict['Reason'] = [string] $observed[$kind]
            return $verdict
        }
    }
    $verdict['Actual'] = $observed['value']
    if ($observed['display']) { $verdict['Actual'] = $observed['display'] }
    if ($Row['Rule'] -eq 'account' -and $null -eq (Get-DesiredSid -Name $Desired -State $State)) {
        $verdict['Status'] = 'unknown'
        $verdict['Reason'] = "the node cannot resolve the name $Desired"
    } elseif (Test-Same -Rule $Row['Rule'] -Desired $Desired -Actual $observed['value'] -State $State) {
        $verdict['Status'] = 'ok'
        # Installed, and something that Set has begun is still open.
        $open = $State['facts']['Unfinished']
        if ($Row['Name'] -eq 'Ensure' -and $open) {
            $verdict['Status'] = 'drift'
            $verdict['Reason'] = "what was begun is not finished: $open"
        }
    } elseif ($Row['Repairable']) {
        $verdict['Status'] = 'drift'
    } else {
        $verdict['Status'] = 'cannotSet'
        $verdict['Reason'] = $Row['CannotSet']
    }
    $verdict
}

function Test-Same {
    param([string] $Rule, [object] $Desired, [object] $Actual, [System.Collections.IDictionary] $State)
    switch ($Rule) {
        'text' { return $null -ne $Actual -and (Test-Text $Desired $Actual) }
        'boolean' { return $Desired -is [bool] -and $Actual -is [bool] -and $Desired -eq $Actual }
        'account' { return Test-Text (Get-DesiredSid -Name $Desired -State $State) $Actual }
        'path' { return $null -ne $Actual -and (Test-Text ([string] $Desired).TrimEnd('\') ([string] $Actual).TrimEnd('\')) }
        'version' { return $null -ne $Actual -and [string]::CompareOrdinal((Get-VersionKey $Actual), (Get-VersionKey $Desired)) -ge 0 }
        'instance' { return Test-Text (Get-InstanceName $Desired) (Get-InstanceName $Actual) }
        'server' {
            $ours = Get-ServerName -Name $Desired -State $State
            $theirs = Get-ServerName -Name $Actual -State $State
            if ($ours.Contains('.') -and $theirs.Contains('.')) { return Test-Text $ours $theirs }
            return Test-Text $ours.Split('.')[0] $theirs.Split('.')[0]
        }
    }
    throw "MimSync.Internal: no rule $Rule"
}

function Test-Text {
    param([string] $One, [string] $Other)
    [string]::Equals($One, $Other, [System.StringComparison]::OrdinalIgnoreCase)
}

function Get-DesiredSid {
    param([string] $Name, [System.Collections.IDictionary] $State)
    foreach ($key in $State['sids'].Keys) {
        if (Test-Text $key $Name) { return $State['sids'][$key] }
    }
}

function Get-VersionKey {
    # Four numbers as text that sorts as they do; '' for what is no version, which sorts before all.
    param([string] $Version)
    if ($Version -notmatch '\A[0-9]+(\.[0-9]+)*\z') { return '' }
    $parts = @($Version.Split('.')) + '0', '0', '0'
    ($parts[0..3] | ForEach-Object { $_.TrimStart('0').PadLeft(40, '0') }) -join '.'
}

function Get-InstanceName {
    param([string] $Name)
    if ([array]::IndexOf(@('default', 'mssqlserver'), $Name.ToLowerInvariant()) -ge 0) { return '' }
    $Name
}

function Get-ServerName {
    # The name that stands for a server: an alias followed once, the local machine by its own name.
    param([string] $Name, [System.Collections.IDictionary] $State)
    $aliases = $State['node']['sqlAliases']
    if ($aliases) {
        # Not .Keys: an alias of that name would be meant.
        foreach ($alias in $aliases.GetEnumerator()) {
            if (Test-Text $alias.Key $Name) { $Name = Get-AliasHost -Target $alias.Value; break }
        }
    }
    $computer = [string] $State['node']['computerName']
    if (Test-RemoteSql -Server $Name -Node $State['node']) { return $Name }
    if ($State['node']['fqdn']) { return [string] $State['node']['fqdn'] }
    $computer
}

function Get-AliasHost {
    # The host in an alias such as DBMSSOCN,host\instance,1433.
    param([string] $Target)
    $parts = $Target.Split(',')
    $server = $parts[[System.Math]::Min(1, $parts.Count - 1)].Split('\')[0].Trim()
    if ($server.StartsWith('tcp:', [System.StringComparison]::OrdinalIgnoreCase)) { $server = $server.Substring(4) }
    $server.Trim()
}

Export-ModuleMember -Function Compare-MimSyncState, Get-ServerName, Get-VersionKey
