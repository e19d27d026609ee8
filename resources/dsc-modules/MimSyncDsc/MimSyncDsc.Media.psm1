# A package of the media held against what setup will be sent, before anything of it is run. The twin of
# resources/media.py; both judge the packages of tests/packages.json alike. MimSyncDsc.Media.psd1 is made from that file.
Set-StrictMode -Version Latest
foreach ($part in 'Windows', 'Compare') {
    Import-Module -Name (Join-Path -Path $PSScriptRoot -ChildPath "MimSyncDsc.$part.psm1")
}
$script:Text = Import-LocalizedData -UICulture 'en-US' -BaseDirectory $PSScriptRoot -FileName 'MimSyncDsc.strings.psd1' -ErrorAction Stop

$script:Facts = Import-PowerShellDataFile -Path (Join-Path -Path $PSScriptRoot -ChildPath 'MimSyncDsc.Media.psd1')

function Assert-Package {
    <#
    .SYNOPSIS
    Refuse a package that is not MIM's Synchronization Service, or does not take what it will be sent; warn of what is odd.
    .PARAMETER Package
    The path of the package, which is read and not run.
    .PARAMETER Property
    The properties for setup, by their names; only the names matter.
    .PARAMETER Trusted
    Somebody has looked at this very package: a property that no table mentions is a warning then, for a program in the
    package may read it all the same.
    #>
    param([string] $Package, [System.Collections.IDictionary] $Property, [bool] $Trusted)
    # All tables: a property need not stand in the Property table, a condition, a registry value, a dialog may lean on it.
    $names = @((Get-PackageTable -Path $Package -Name '_Tables')['_Tables'] | ForEach-Object { $_['Name'] })
    $found = Compare-MimPackage -Table (Get-PackageTable -Path $Package -Name $names) -Property $Property -Trusted $Trusted
    if ($found['Reasons']) {
        throw $script:Text.PackageRefused -f ($found['Reasons'] -join '; ')
    }
    foreach ($note in $found['Notes']) { Write-Warning -Message ($script:Text.PackageNote -f $note) }
}

function Compare-MimPackage {
    <#
    .SYNOPSIS
    Give the reasons against installing with this package, and what is worth a warning: Reasons, Notes.
    .DESCRIPTION
    Pure. With a transform a property may come from there, so one that is unknown is a note; as it is in a trusted package.
    .PARAMETER Table
    Every table of the package by its name: rows of column and text.
    .PARAMETER Property
    The properties for setup, by their names.
    .PARAMETER Trusted
    As for Assert-Package.
    #>
    param([System.Collections.IDictionary] $Table, [System.Collections.IDictionary] $Property, [bool] $Trusted)
    $values = Get-PackageProperty -Table $Table
    $reasons = @(Get-ForeignProduct -Value $values)
    $notes = @()
    if (-not $reasons) {
        $transform = $Property.Contains('TRANSFORMS')
        $reasons = @(Get-VersionReason -Version $values['ProductVersion'] -Property $Property)
        $text = @(foreach ($rows in $Table.Values) { foreach ($row in $rows) { foreach ($cell in $row.GetEnumerator()) { $cell.Value } } }) -join "`n"
        foreach ($item in $script:Facts['Properties']) {
            if ($item['Standard'] -or -not $Property.Contains($item['Name'])) { continue }
            if ($text -cmatch "(?<![A-Za-z0-9_.])$($item['Name'])(?![A-Za-z0-9_.])") { continue }
            if (-not $item['Needed']) { $notes += $script:Text.Ignored -f $item['Name'], $item['Meaning'] }
            elseif ($transform) { $notes += $script:Text.IgnoredUnlessTransform -f $item['Name'], $item['Meaning'] }
            elseif ($Trusted) { $notes += $script:Text.IgnoredButTrusted -f $item['Name'], $item['Meaning'] }
            else { $reasons += $script:Text.WouldIgnore -f $item['Name'], $item['Meaning'] }
        }
        if (-not $transform) { $notes += @(Get-DefaultNote -Value $values -Property $Property) }
        if ($Property.Contains($script:Facts['Password'])) { $notes += @(Get-PasswordNote -Table $Table -Hidden $values['MsiHiddenProperties']) }
        if ($values['ProductLanguage'] -cne $script:Facts['Language']) {
            $notes += $script:Text.PackageLanguage -f $values['ProductLanguage'], $script:Facts['Language']
        }
    }
    @{ Reasons = $reasons; Notes = $notes }
}

function Get-PackageProperty {
    # The Property table by name. Names that differ in case only are two properties.
    param([System.Collections.IDictionary] $Table)
    $values = New-Object hashtable([System.StringComparer]::Ordinal)
    foreach ($row in $Table['Property']) { $values[[string] $row['Property']] = [string] $row['Value'] }
    $values
}

function Get-PackageList {
    # The names in a property that lists some.
    param([string] $Text)
    $Text.Split(';') | ForEach-Object { $_.Trim() }
}

function Get-ForeignProduct {
    # What this is when it is not the package of MIM's Synchronization Service, else nothing.
    param([hashtable] $Value)
    $name = [string] $Value['ProductName']
    if ($name -match $script:Facts['ConnectName'] -or $Value['UpgradeCode'] -eq $script:Facts['ConnectUpgradeCode']) {
        $script:Text.PackageOfConnect -f $name
    } elseif ($name -ceq $script:Facts['Predecessor']) {
        $script:Text.PackageOfPredecessor -f $name
    } elseif ($name -cne $script:Facts['Product']) {
        $script:Text.PackageOfOther -f $name, $script:Facts['Product']
    }
}

function Get-VersionReason {
    param([string] $Version, [System.Collections.IDictionary] $Property)
    if ($Version -notmatch '\A[0-9]+(\.[0-9]+){2,3}\z') { return $script:Text.PackageVersion -f $Version }
    $first = $script:Facts['FirstVersionWithGmsa']
    if ($Property.Contains($script:Facts['Password'])) { return }
    if ([string]::CompareOrdinal((Get-VersionKey $Version), (Get-VersionKey $first)) -lt 0) {
        $script:Text.PackageWithoutGmsa -f $first, $Version
    }
}

function Get-DefaultNote {
    # Leaving a property out means its default, which should be what mimc takes leaving it out to mean.
    param([hashtable] $Value, [System.Collections.IDictionary] $Property)
    foreach ($item in $script:Facts['Properties']) {
        if (-not $item['Omitted'] -or $Property.Contains($item['Name'])) { continue }
        $default = [string] $Value[$item['Name']]
        if ($default -cnotin $item['Omitted']) {
            if ($item['Name'] -cin (Get-PackageList -Text $Value['MsiHiddenProperties'])) { $default = '********' }
            $script:Text.PackageDefault -f $item['Name'], $default, $item['Omitted'][-1], $item['Meaning']
        }
    }
}

function Get-PasswordNote {
    # The password's property, and each that a custom action fills with it, should be hidden from the log.
    param([System.Collections.IDictionary] $Table, [string] $Hidden)
    $password = $script:Facts['Password']
    $names = @($password)
    foreach ($row in $Table['CustomAction']) {
        # The kind of custom action that sets the property in its Source to its Target.
        $sets = [string] $row['Type'] -match '\A-?[0-9]+\z' -and ([long] $row['Type'] -band 0x3F) -eq 51
        if ($sets -and ([string] $row['Target']).Contains("[$password]")) { $names += [string] $row['Source'] }
    }
    $listed = @(Get-PackageList -Text $Hidden)
    $exposed = [string[]] @($names | Where-Object { $_ -cnotin $listed } | Select-Object -Unique)
    [System.Array]::Sort($exposed, [System.StringComparer]::Ordinal)
    if ($exposed) { $script:Text.PasswordNotHidden -f ($exposed -join ', ') }
}

Export-ModuleMember -Function Assert-Package, Compare-MimPackage
